/**
 * Goal: a message that was made by other hands stops nobody: it is put on record at its first delivery, and what came with
 * it goes on; what it points at is opened only where such things are kept, and only as far as memory allows.
 * Method: raw messages on both queues beside a good event; the platform's own lines show that nothing failed on the way.
 */
import { gzipSync } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { eventsQueueUrl, quarantined, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

const RUN = "shop_00000000000000000000000000";
const OP = "0123456789abcdefghjkmnpqrs";
const EVENT = "01KJP000000000000000000001";
const HUGE = "x".repeat(500_000);

/** A platform that says what goes wrong in it. */
async function speaking(): Promise<{ scenario: Scenario; lines: string[] }> {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "good", triggers: { event: "shop/x" } }, ({ step }) =>
    step.run("work", () => "done"),
  );
  const lines: string[] = [];
  const quiet = (): void => undefined;
  const keep = (...parts: unknown[]): void =>
    void lines.push(parts.map((part) => (part instanceof Error ? part.message : JSON.stringify(part))).join(" "));
  const logger = { debug: quiet, info: quiet, warn: quiet, error: keep };
  return { scenario: await start({ client, functions: [fn], logger }), lines };
}

const accepted = (change: object, event: object = {}): object => ({
  kind: "events",
  events: [
    {
      id: EVENT,
      receivedAtMs: START_MS,
      event: { name: "shop/x", data: {}, id: "e", ts: START_MS, ...event },
      ...change,
    },
  ],
});
const timer = { kind: "timer", app: "shop", run: RUN, fn: "good", why: "sleep", dueMs: START_MS };
const lookback = { kind: "lookback", run: RUN, fn: "good", op: OP, on: [{ event: "shop/x" }], trigger: EVENT };
const window = { afterMs: START_MS, untilMs: START_MS + 1, excluded: [] };
const invoke = { kind: "invoke", parent: { run: RUN, fn: "good", op: OP }, app: "shop", fn: "good", data: {} };
const asked = { depth: 1, createdAtMs: START_MS, sentAtMs: START_MS };
const arrive = { kind: "arrive", run: RUN, fn: "good", op: OP, by: "me", outcome: { ok: 1 } };
const match = { kind: "match", event: EVENT, key: `shop#WAIT#${"a".repeat(22)}`, after: "x" };

const onEventsQueue: readonly object[] = [
  { v: HUGE },
  { kind: HUGE },
  accepted({ id: "no ULID" }),
  accepted({ id: HUGE }),
  accepted({ receivedAtMs: -1 }),
  accepted({ receivedAtMs: 1e300 }),
  accepted({ receivedAtMs: START_MS + 0.5 }),
  accepted({ senderId: HUGE }),
  accepted({ senderId: { S: "x" } }),
  accepted({}, { name: HUGE }),
  accepted({}, { name: "shop/\u0000" }),
  accepted({}, { ts: 1e300 }),
  accepted({}, { v: [] }),
  { kind: "events-object", key: `runs/${RUN}/output` },
  { kind: "events-object", key: "requests/../runs/x" },
  { kind: "events-object", key: `requests/${HUGE}` },
  { ...timer, dueMs: 1e300 },
  { ...timer, dueMs: -1 },
  { ...timer, app: "shop#RUN#x" },
  { ...timer, fn: HUGE },
  { kind: "cron", app: "shop", fn: "good", cron: "* * * * *", at: "-000001-01-01T00:00:00Z" },
  { kind: "cron", app: "shop", fn: "good", cron: "* * * * *", at: "+275760-09-13T00:00:00Z" },
  { ...match, key: `shop#RUN#${RUN}` },
  { ...match, event: "EVENT" },
  { ...match, after: "" },
  { ...lookback, ...window, op: "RUN" },
  { ...lookback, ...window, afterMs: -1e300 },
  { ...lookback, ...window, from: "z" },
  { ...lookback, ...window, trigger: HUGE },
  { ...lookback, ...window, on: [{ event: HUGE }] },
  { ...invoke, ...asked, data: undefined, dataKey: "runs/bank_00000000000000000000000000/output" },
  { ...invoke, ...asked, createdAtMs: 0.5 },
  { ...invoke, ...asked, sentAtMs: 1e300 },
  { ...invoke, ...asked, parent: { run: RUN, fn: "good", op: "RUN" } },
  { ...arrive, op: "x".repeat(2_000) },
  { ...arrive, by: HUGE },
  { ...arrive, outcome: { err: { message: 5 } } },
  { kind: "signal", signal: HUGE, data: null, token: "t" },
  { kind: "signal", signal: "s", data: HUGE, token: "t" },
  { kind: "signal", signal: "s", data: null, token: HUGE },
  { kind: "cancel-runs", cancellation: "../x", page: 0 },
  { kind: "cancel-runs", cancellation: EVENT, page: 0.5 },
];

const wake = { run: RUN, fn: "good", why: "branch" };
const branch = { id: "a", i: 0, attempt: 0 };

const onStepQueue: readonly object[] = [
  { v: HUGE },
  { ...wake, fn: HUGE },
  { ...wake, fn: "good\nlevel=fatal" },
  { ...wake, dueMs: 1e300 },
  { ...wake, branch: { ...branch, id: HUGE } },
  { ...wake, branch: { ...branch, i: -1 } },
  { ...wake, branch: { ...branch, attempt: 1e300 } },
  { ...wake, branch: { ...branch, fan: { group: "RUN", shard: 0, name: "a" } } },
  { ...wake, branch: { ...branch, fan: { group: "1-a", shard: 1.5, name: "a" } } },
  { ...wake, branch: { ...branch, fan: { group: "1-a", shard: 0, name: HUGE } } },
];

for (const [queue, messages] of [
  ["events", onEventsQueue],
  ["step", onStepQueue],
] as const) {
  it(`what no key, date or delay can hold is on record at its first delivery on the ${queue} queue`, async () => {
    const { scenario, lines } = await speaking();
    const url = queue === "events" ? eventsQueueUrl(scenario) : scenario.world.stepQueueUrl;
    const ids: string[] = [];
    for (const message of messages) ids.push(await sendRaw(scenario, url, JSON.stringify({ v: 1, ...message })));
    const [good = ""] = await scenario.send({ name: "shop/x" });
    await scenario.advance(SECOND);
    expect((await scenario.runOf(good)).output).toBe("done");
    const items = await quarantined(scenario);
    expect(new Set(items.map((one) => one["sk"]?.S))).toEqual(new Set(ids));
    expect(items.filter((one) => (one["why"]?.S ?? "").length > 200)).toEqual([]);
    expect(lines.filter((line) => !line.includes("is quarantined"))).toEqual([]);
    await scenario.advance(HOUR);
    expect(await quarantined(scenario)).toHaveLength(messages.length);
  });
}

it("an error too large for an item is kept cut: who waits for it is not left waiting", async () => {
  const { scenario, lines } = await speaking();
  const outcome = { err: { name: "E", message: HUGE, stack: HUGE.slice(0, 400_000) } };
  await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify({ v: 1, ...arrive, outcome }));
  await scenario.advance(MINUTE);
  expect(await quarantined(scenario)).toEqual([]);
  expect(lines).toEqual([]);
});

it("a large request that unpacks to more than any has is refused by name, and its batch mates go on", async () => {
  const { scenario, lines } = await speaking();
  const { clients, settings } = scenario.world.services("outsider");
  const objects = {
    "requests/bomb": gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 }),
    "requests/huge": Buffer.alloc(32 * 1024 * 1024 + 1),
    "requests/text": Buffer.from("no gzip"),
  };
  for (const [Key, Body] of Object.entries(objects)) {
    await clients.s3.send(new PutObjectCommand({ Bucket: settings.bucketName, Key, Body }));
    await sendRaw(scenario, eventsQueueUrl(scenario), JSON.stringify({ v: 1, kind: "events-object", key: Key }));
  }
  const [good = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  expect((await scenario.runOf(good)).output).toBe("done");
  expect(lines.map((line) => line.slice(line.indexOf("Cannot read payload"))).sort()).toEqual([
    'Cannot read payload "requests/bomb": it unpacks to more than that; expected gzip of at most 33554432 bytes',
    'Cannot read payload "requests/huge": it has 33554433 bytes; expected gzip of at most 33554432 bytes',
    'Cannot read payload "requests/text": it is no gzip; expected gzip of at most 33554432 bytes',
  ]);
});
