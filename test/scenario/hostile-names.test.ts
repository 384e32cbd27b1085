/**
 * Goal: what people call their steps, events and signals is theirs: any text names what it names, exactly that and nothing
 * else, and no name spells a key of something of the platform's own.
 * Method: names made of key separators, prototype members, path segments, halves of characters and direction marks, in every
 * place that takes a name; the keys of all items are compared with the few forms there are.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { PerdureError } from "../../sdk/error-catalogue.js";
import type { Logger } from "../../sdk/logger.js";
import { itemsOf, storedSince } from "./hands.js";
import { SIGNING_KEY, EVENT_KEY } from "../../local/world/world.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, type Scenario } from "./world.js";

const start = scenarios();

const NAMES = [
  "RUN",
  "LOG#000001#000001",
  "IN#x",
  "#",
  "run#1#HIST",
  "../../other",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "\u202eevil\u202c",
  "caf\u00e9",
  "cafe\u0301",
  "<img src=x onerror=alert(1)>",
  "=1+1",
  "a".repeat(256),
];
/** What has no UTF-8, or what SQS takes only escaped. */
const HALVES = ["\ud800", "\udfff", "\u0000", "\uffff", "\u001b[31m", "\u009b31m"];

const SORT_KEYS = /^(RUN|LOG#\d{6}#\d{6}|IN#[0-9a-z]{26}|FAN#\d+-[0-9a-z]{12}(#\d+)?|BRANCH#[0-9a-z]{26})$/;

function keeping(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts.map(String).join(" "));
  return { logger: { debug: keep, info: keep, warn: keep, error: keep }, lines };
}

/** The output of the one run an event starts, after all that follows. */
async function outputOf(scenario: Scenario, event: object, afterMs = HOUR): Promise<unknown> {
  const [id = ""] = await scenario.send(event);
  await scenario.advance(afterMs);
  return (await scenario.runOf(id)).output;
}

it("any text is a step's id, for every kind of step, and is no part of a key", async () => {
  const client = new Perdure({ id: "shop" });
  const ids = [...NAMES, ...HALVES];
  const child = client.createFunction({ id: "child" }, ({ event }) => event.data["n"] ?? null);
  const fn = client.createFunction({ id: "named", triggers: { event: "shop/go" } }, async ({ step }) => {
    const values: unknown[] = [];
    for (const [n, id] of ids.entries()) {
      values.push(await step.run(id, () => n));
      values.push(await step.invoke(id, { function: child, data: { n } }));
      values.push(await step.waitForEvent(id, { event: "shop/none", timeout: "1s" }));
      values.push((await step.sendSignal(id, { signal: "nobody" })).runId ?? null);
      await step.sleep(id, "1s");
      await step.sendEvent(id, { name: "shop/told" });
    }
    const spread = await Promise.all(ids.map((id, n) => step.run({ id, distributed: true }, () => n)));
    return [values, spread];
  });
  const { logger, lines } = keeping();
  const scenario = await start({ client, functions: [child, fn], logger });
  const [eventId = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR);
  const run = await scenario.runOf(eventId);
  const expected = ids.flatMap((_, n) => [n, n, null, null]);
  expect(run.output).toEqual([expected, ids.map((_, n) => n)]);
  const sortKeys = (await itemsOf(scenario, run.head.runId)).map((one) => one["sk"]?.S ?? "");
  expect(sortKeys.filter((key) => !SORT_KEYS.test(key))).toEqual([]);
  expect(lines).toEqual([]);
});

it("an event's name starts and wakes what listens to exactly that name", async () => {
  const client = new Perdure({ id: "shop" });
  const started = NAMES.map((event, n) => client.createFunction({ id: `f${n}`, triggers: { event } }, () => n));
  const waits = client.createFunction({ id: "waits", triggers: { event: "shop/wait" } }, async ({ event, step }) => {
    const name = String(event.data["for"]);
    const came = await step.waitForEvent("wait", { event: name, if: "async.data.x == event.data.x", timeout: "1h" });
    return came?.name ?? null;
  });
  const scenario = await start({ client, functions: [...started, waits] });
  const waiting = await scenario.send(...NAMES.map((name) => ({ name: "shop/wait", data: { for: name, x: "#" } })));
  await scenario.advance(MINUTE);
  const ids = await scenario.send(...NAMES.map((name) => ({ name, data: { x: "#" } })));
  await scenario.advance(MINUTE);
  for (const [n, id] of ids.entries()) expect((await scenario.runOf(id)).output).toBe(n);
  for (const [n, id] of waiting.entries()) expect((await scenario.runOf(id)).output).toBe(NAMES[n]);
});

it("any text is a signal's name, twins of another normal form among them, and a step of any name sends it", async () => {
  const client = new Perdure({ id: "shop" });
  const names = [...NAMES, ...HALVES];
  const waits = client.createFunction({ id: "waits", triggers: { event: "shop/wait" } }, async ({ event, step }) => {
    const signal = String(event.data["signal"]);
    return (await step.waitForSignal("wait", { signal, timeout: "1h" }))?.data ?? null;
  });
  const sends = client.createFunction({ id: "sends", triggers: { event: "shop/send" } }, async ({ event, step }) => {
    const signal = String(event.data["signal"]);
    return (await step.sendSignal(signal, { signal, data: event.data["n"] })).runId ?? null;
  });
  const scenario = await start({ client, functions: [waits, sends] });
  const waiting = await scenario.send(...names.map((signal) => ({ name: "shop/wait", data: { signal } })));
  for (const [n, signal] of names.entries()) {
    const [runId] = await scenario.runIds(waiting[n] ?? "");
    expect(await outputOf(scenario, { name: "shop/send", data: { signal, n } }, MINUTE)).toBe(runId);
    expect((await scenario.run(runId ?? "")).output).toBe(n);
  }
});

it("a bulk cancel's condition may hold half a character", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "naps", triggers: { event: "shop/nap" } }, async ({ step }) => {
    await step.sleep("nap", "1d");
  });
  const scenario = await start({ client, functions: [fn] });
  const [half = "", whole = ""] = await scenario.send(
    { name: "shop/nap", data: { x: "\ud800" } },
    { name: "shop/nap", data: { x: "\ufffd" } },
  );
  await scenario.advance(MINUTE);
  const from = new Date(scenario.clock.now() - HOUR).toISOString();
  const body = { functionId: "naps", from, if: "event.data.x == '\ud800'" };
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  expect((await scenario.world.request("POST", "/api/v1/cancellations", body, headers)).status).toBe(200);
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(half)).head.status).toBe("Cancelled");
  expect((await scenario.runOf(whole)).head.status).toBe("Running");
});

it("ids that are parts of keys have no such characters", () => {
  const refused: unknown[] = [];
  const attempt = (make: () => unknown): void => {
    try {
      make();
      refused.push("accepted");
    } catch (error) {
      refused.push(error instanceof PerdureError ? error.code : error);
    }
  };
  const shop = new Perdure({ id: "shop" });
  const names = [...NAMES, ...HALVES].filter((name) => !/^[a-z]+$/.test(name));
  for (const id of names) {
    attempt(() => new Perdure({ id }));
    attempt(() => shop.createFunction({ id, triggers: { event: "shop/x" } }, () => undefined));
  }
  expect(new Set(refused)).toEqual(new Set(["CLIENT_INVALID", "FUNCTION_INVALID"]));
});

it("a key is found by its whole text alone, however it is encoded in the path", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "any", triggers: { event: "shop/x" } }, () => undefined);
  const scenario = await start({ client, functions: [fn] });
  const mark = scenario.world.aws.ledger.mark();
  for (const key of [
    `${EVENT_KEY}%00`,
    `${EVENT_KEY}%20`,
    `%2e%2e%2f${EVENT_KEY}`,
    "__proto__",
    "%ff",
    `${EVENT_KEY}%2f`,
  ]) {
    const answer = await scenario.world.request("POST", `/e/${key}`, { name: "shop/x" });
    expect([400, 401, 404]).toContain(answer.status);
  }
  expect(storedSince(scenario, mark)).toEqual([]);
});
