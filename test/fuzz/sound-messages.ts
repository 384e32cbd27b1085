/** Owns: messages as the platform itself sends them, of every kind, with contents drawn at random. */
import fc from "fast-check";
import type { DispatchMessage, WakeMessage } from "../../runtime/queue/messages.js";
import { runIdOf, stepHash } from "../../runtime/core/ids.js";
import { slotHash } from "../../runtime/state/keys.js";
import { hostileObject, hostileText, hostileJson } from "./hostile.js";

/** The app and the function that are registered where messages are handled. */
export const APP = "shop";
export const FN = "good";
/** 2026-03-10T12:00:00Z. */
export const NOW_MS = 1_773_144_000_000;

const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const filled = hostileText.filter((text) => text.length > 0 && text.length <= 256);
const name = filled.filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
const ulid = fc
  .string({ unit: fc.constantFrom(..."0123456789ABCDEFGHJKMNPQRSTVWXYZ"), minLength: 16, maxLength: 16 })
  .map((chance) => `01KKARYG00${chance}`);
const run = filled.map((text) => runIdOf(APP, FN, text));
const op = filled.map((text) => stepHash(text, 0));
const time = fc.integer({ min: NOW_MS - 60_000, max: NOW_MS + 60_000 });
const parent = fc.record({ run, fn: fc.constant(FN), op });
const common = { v: fc.constant(1 as const) };

const accepted = fc
  .tuple(
    fc.record({ id: ulid, receivedAtMs: time, senderId: filled }, { requiredKeys: ["id", "receivedAtMs"] }),
    fc.record(
      { name, data: hostileObject, id: filled, ts: time, v: filled },
      { requiredKeys: ["name", "data", "id", "ts"] },
    ),
  )
  .map(([envelope, event]) => ({ ...envelope, event }));

const outcome = fc.oneof(
  hostileJson.map((ok) => ({ ok: stored(ok) })),
  fc.record({ err: fc.record({ name: fc.constant("Error"), message: fc.string({ unit: "grapheme" }) }) }),
);

const match = fc.record(
  { event: name, if: fc.constantFrom("async.data.x == event.data.x", "true") },
  { requiredKeys: ["event"] },
);

/** Typed loosely: JSON at random is no `Json` to the compiler. What is read of it is compared, not how it is typed. */
export const soundDispatchMessage: fc.Arbitrary<unknown> = fc.oneof(
  fc.record({ ...common, kind: fc.constant("events"), events: fc.array(accepted, { maxLength: 3 }) }),
  fc.record({ ...common, kind: fc.constant("events-object"), key: ulid.map((id) => `requests/${id}`) }),
  fc.record({
    ...common,
    kind: fc.constant("timer"),
    app: fc.constant(APP),
    run,
    fn: fc.constant(FN),
    why: fc.constantFrom("sleep", "retry", "arrival"),
    dueMs: time,
  }),
  fc.record({
    ...common,
    kind: fc.constant("cron"),
    app: fc.constant(APP),
    fn: fc.constant(FN),
    cron: fc.constantFrom("* * * * *", "0 9 * * 1"),
    at: time.map((ms) => new Date(ms).toISOString()),
  }),
  fc.record({
    ...common,
    kind: fc.constant("match"),
    event: ulid,
    key: op.map((hash) => `${APP}#WAIT#${hash.slice(0, 22)}`),
    after: run,
  }),
  fc.record(
    {
      ...common,
      kind: fc.constant("lookback"),
      run,
      fn: fc.constant(FN),
      op: fc.option(op),
      on: fc.array(match, { minLength: 1, maxLength: 3 }),
      trigger: ulid,
      afterMs: time,
      untilMs: time,
      excluded: fc.array(ulid, { maxLength: 3 }),
      from: time.map((ms) => `${String(ms).padStart(14, "0")}#`),
      again: fc.constant(true),
    },
    { requiredKeys: ["v", "kind", "run", "fn", "op", "on", "trigger", "afterMs", "untilMs", "excluded"] },
  ),
  fc.record({
    ...common,
    kind: fc.constant("invoke"),
    parent,
    app: fc.constantFrom(APP, "other"),
    fn: fc.constantFrom(FN, "none"),
    data: hostileObject,
    depth: fc.integer({ min: 1, max: 30 }),
    createdAtMs: time,
    sentAtMs: time,
  }),
  fc.record({ ...common, kind: fc.constant("disown"), run, parent }),
  fc.record({ ...common, kind: fc.constant("ended"), run }),
  fc.record({ ...common, kind: fc.constant("arrive"), run, fn: fc.constant(FN), op, by: name, outcome }),
  fc.record({ ...common, kind: fc.constant("signal"), signal: filled, data: hostileJson.map(stored), token: filled }),
  fc.record({ ...common, kind: fc.constant("cancel-runs"), cancellation: ulid, page: fc.nat({ max: 5 }) }),
);

const branch = fc.record(
  {
    id: filled,
    i: fc.nat({ max: 9 }),
    attempt: fc.nat({ max: 3 }),
    fan: fc.record({
      group: op.map((hash) => `1-${hash.slice(0, 12)}`),
      shard: fc.nat({ max: 20 }),
      name: op.map((hash) => hash.slice(0, 12)),
    }),
  },
  { requiredKeys: ["id", "i", "attempt"] },
);

export const soundWake: fc.Arbitrary<unknown> = fc.record(
  {
    ...common,
    run,
    fn: fc.constant(FN),
    why: fc.constantFrom("start", "retry", "sleep", "continue", "arrival", "branch", "slot", "sweep", "dead-letter"),
    dueMs: time,
    branch,
    slot: filled.map((text) => slotHash("function", FN, null, text)),
  },
  { requiredKeys: ["v", "run", "fn", "why"] },
);

/** As a later version of the platform may send it: of its own version, or for a reason that is not known here. */
export const laterWake: fc.Arbitrary<unknown> = fc.record({
  v: fc.constantFrom(1, 2),
  run,
  fn: fc.constant(FN),
  why: fc.constant("later-reason"),
});

export type AnyMessage = DispatchMessage | WakeMessage;
