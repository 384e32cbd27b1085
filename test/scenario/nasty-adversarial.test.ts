/**
 * Goal: what docs/scenarios.md says of payloads at their limits, of storms on one item, of clocks and TTLs that come late and of
 * secrets holds, where no other test shows it.
 * Method: sizes around each limit through the whole platform; contention, late deletions and early messages made by hand; keys
 * and canaries searched for in every call and every line.
 */
import { gzipSync } from "node:zlib";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { childEventId, runIdOf } from "../../runtime/core/ids.js";
import { dedupKey } from "../../runtime/state/keys.js";
import { RunStore } from "../../runtime/state/run-store.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { EVENT_KEY, SIGNING_KEY } from "../../local/world/world.js";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import { NonRetriableError } from "../../sdk/errors.js";
import { idsOf, item, postRaw, quarantined, refusalCode, sendRaw, storedSince } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

const MEBIBYTE = 1024 * 1024;
const client = new Perdure({ id: "shop" });

/** An event of exactly that many bytes, most of them parts of characters of three bytes. */
function eventOf(byteCount: number): object {
  const event = (text: string): object => ({ name: "shop/x", data: { text }, ts: START_MS });
  const left = byteCount - Buffer.byteLength(JSON.stringify(event("")));
  return event("\u20ac".repeat(Math.floor(left / 3)) + "a".repeat(left % 3));
}

/** Text that compression leaves at three quarters of its size. */
const noise = (bytes: number): string => Buffer.from(seededRandom(bytes).bytes(bytes)).toString("base64");

it("an event of a byte below its limit, and at it, arrives whole; one of a byte more is refused, by whomever it is sent", async () => {
  const receives = client.createFunction({ id: "receives", triggers: { event: "shop/x" } }, ({ event }) =>
    Buffer.byteLength(String(event.data["text"])),
  );
  const sends = client.createFunction(
    { id: "sends", triggers: { event: "shop/send" }, retries: 0 },
    async ({ step, event }) => {
      await step.sendEvent("tell", eventOf(Number(event.data["bytes"])) as { name: string });
    },
  );
  const scenario = await start({ client, functions: [receives, sends] });
  const overhead = Buffer.byteLength(JSON.stringify({ name: "shop/x", data: { text: "" }, ts: START_MS }));
  for (const bytes of [MEBIBYTE - 1, MEBIBYTE]) {
    const [id = ""] = idsOf(await postRaw(scenario, eventOf(bytes)));
    await scenario.advance(MINUTE);
    expect((await scenario.runOf(id)).output).toBe(bytes - overhead);
  }
  expect(refusalCode(await postRaw(scenario, eventOf(MEBIBYTE + 1)))).toBe("EVENT_TOO_LARGE");
  const [fits = "", tooLarge = ""] = await scenario.send(
    { name: "shop/send", data: { bytes: MEBIBYTE } },
    { name: "shop/send", data: { bytes: MEBIBYTE + 1 } },
  );
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(fits)).head.status).toBe("Completed");
  expect((await scenario.runOf(tooLarge)).head.error).toMatchObject({ code: "EVENT_TOO_LARGE" });
});

it("results around every threshold, of the compressor, of the bucket and of an item, come back as they were", async () => {
  const sizes = [
    1_023,
    1_024,
    1_025,
    16_383,
    16_384,
    16_385,
    21_840,
    21_850,
    119_990,
    120_010,
    399 * 1_024,
    400 * 1_024 + 1,
  ];
  const fn = client.createFunction({ id: "sizes", triggers: { event: "shop/x" } }, async ({ step }) => {
    const alike = await Promise.all(sizes.map((size) => step.run(`zeros ${size}`, () => "0".repeat(size))));
    const unlike = await Promise.all(sizes.map((size) => step.run(`noise ${size}`, () => noise(size))));
    await step.sleep("so that all is read again", "1m");
    return [alike.map((text) => text.length), unlike.every((text, index) => text === noise(sizes[index] ?? 0))];
  });
  const scenario = await start({ client, functions: [fn] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  expect((await scenario.runOf(id)).output).toEqual([sizes, true]);
});

it("a compressed body is no JSON, however little it takes and however much it stands for; the last of two members counts", async () => {
  const fn = client.createFunction({ id: "any", triggers: { event: "shop/x" } }, ({ event }) => event.data);
  const scenario = await start({ client, functions: [fn] });
  const mark = scenario.world.aws.ledger.mark();
  const bomb = gzipSync(Buffer.alloc(100 * MEBIBYTE, 0x20), { level: 9 });
  const headers = { "content-encoding": "gzip" };
  expect(refusalCode(await postRaw(scenario, bomb, { headers }))).toBe("INVALID_JSON");
  expect(storedSince(scenario, mark)).toEqual([]);
  const twice = '{"name":"shop/none","name":"shop/x","data":{"a":1,"a":2}}';
  const [id = ""] = idsOf(await postRaw(scenario, twice));
  await scenario.advance(SECOND);
  expect((await scenario.runOf(id)).output).toEqual({ a: 2 });
  const wide = { name: "shop/x", data: { list: Array.from({ length: 500_000 }, () => 0) } };
  const [wideId = ""] = idsOf(await postRaw(scenario, wide));
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(wideId)).head.status).toBe("Completed");
});

it("fifty wakes for one run at once, and a table that throttles every third call, leave one run that ran once", async () => {
  let bodies = 0;
  let scenario: Scenario | null = null;
  const fn = client.createFunction(
    { id: "one", triggers: { event: "shop/x" }, idempotency: "event.data.cart" },
    async ({ step }) => {
      await step.run("work", async () => {
        bodies += 1;
        if (scenario) await sleep(scenario.clock, 30 * SECOND);
      });
    },
  );
  scenario = await start({ client, functions: [fn], workerConcurrency: 50 });
  let calls = 0;
  scenario.world.aws.faults.add((call) => {
    if (call.service !== "dynamodb" || call.caller.name === "observer") return undefined;
    return (calls += 1) % 3 === 0 ? "throttle" : undefined;
  });
  // Two gates each, and so transactions on one item.
  const events = Array.from({ length: 50 }, (_, n) => ({ name: "shop/x", id: `id-${n}`, data: { cart: "c" } }));
  const ids = (await Promise.all(events.map((event) => scenario?.post(event) ?? []))).flat();
  await scenario.advance(10 * SECOND);
  const runs = await Promise.all(ids.map((id) => scenario?.event(id)));
  const [runId = ""] = new Set(runs.flatMap((record) => record?.routes.map(({ run }) => run) ?? []));
  const wake = JSON.stringify({ v: 1, run: runId, fn: "one", why: "arrival" });
  for (let copy = 0; copy < 50; copy += 1) await sendRaw(scenario, scenario.world.stepQueueUrl, wake);
  await scenario.advance(10 * MINUTE);
  expect(new Set(runs.flatMap((record) => record?.routes.map(({ run }) => run) ?? [])).size).toBe(1);
  expect([bodies, (await scenario.run(runId)).head.status]).toEqual([1, "Completed"]);
});

it("a gate whose item is deleted a day and more too late is open when its time is over", async () => {
  const fn = client.createFunction({ id: "mail", triggers: { event: "shop/x" } }, () => "sent");
  const scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/x", id: "order-1" });
  const { pk, sk } = dedupKey("shop", "mail", "order-1");
  const gate = await item(scenario, pk, sk);
  await scenario.advance(DAY - MINUTE);
  const [early = ""] = await scenario.send({ name: "shop/x", id: "order-1" });
  expect((await scenario.event(early)).routes).toMatchObject([{ skipped: "duplicate" }]);
  await scenario.advance(30 * HOUR);
  const { clients, settings } = scenario.world.services("outsider");
  await clients.dynamodb.send(new PutItemCommand({ TableName: settings.tableName, Item: gate }));
  const [late = ""] = await scenario.send({ name: "shop/x", id: "order-1" });
  await scenario.advance(SECOND);
  expect((await scenario.runOf(late)).output).toBe("sent");
});

it("a hundred runs for one Lambda at a time all run, none by way of the dead letters", async () => {
  let scenario: Scenario | null = null;
  const order: number[] = [];
  const fn = client.createFunction({ id: "slow", triggers: { event: "shop/x" } }, async ({ event, step }) => {
    await step.run("work", async () => {
      if (scenario) await sleep(scenario.clock, 10 * SECOND);
      order.push(Number(event.data["n"]));
    });
  });
  const lines: unknown[] = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts[0]);
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  scenario = await start({ client, functions: [fn], workerConcurrency: 1, logger });
  await scenario.send(...Array.from({ length: 100 }, (_, n) => ({ name: "shop/x", data: { n } })));
  await scenario.advance(HOUR);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(lines).toEqual([]);
});

it("a beat after the end changes nothing: no lease comes back to life", async () => {
  const fn = client.createFunction({ id: "short", triggers: { event: "shop/x" } }, () => "done");
  const scenario = await start({ client, functions: [fn] });
  const [id = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  const { head } = await scenario.runOf(id);
  const runs = new RunStore(scenario.world.services("zombie"));
  const beat = { leaseUntilMs: scenario.clock.now() + MINUTE, dueAtMs: undefined };
  expect((await runs.beat(head.runId, head.epoch, beat)).done).toBe(false);
  expect((await scenario.run(head.runId)).head).toEqual(head);
});

it("a wake that comes before its run is there starts nothing, and the run goes on when it is made", async () => {
  let bodies = 0;
  const fn = client.createFunction({ id: "early", triggers: { event: "shop/x" } }, ({ step }) =>
    step.run("work", () => (bodies += 1)),
  );
  const scenario = await start({ client, functions: [fn] });
  const requestId = `${START_MS}-${"a".repeat(32)}`;
  const eventId = childEventId(`request\n${requestId}`, 0, START_MS);
  const wake = JSON.stringify({ v: 1, run: runIdOf("shop", "early", eventId), fn: "early", why: "start" });
  await sendRaw(scenario, scenario.world.stepQueueUrl, wake);
  await scenario.advance(2 * SECOND);
  const [sent = ""] = idsOf(
    await postRaw(scenario, { name: "shop/x" }, { headers: { "x-perdure-request-id": requestId } }),
  );
  expect(sent).toBe(eventId);
  await scenario.advance(MINUTE);
  expect([(await scenario.runOf(sent)).output, bodies]).toEqual([1, 1]);
  expect(await quarantined(scenario)).toEqual([]);
});

it("keys are in no call and in no line, nor is what a run handles or throws in a line of the platform's", async () => {
  const canary = "canary-4711";
  const wrongKey = "wrong-key-0815";
  const fails = client.createFunction(
    { id: "fails", triggers: { event: "shop/x" }, retries: 1 },
    async ({ event, step }) => {
      await step.run("look", () => event.data["card"]);
      await step.run("charge", () => Promise.reject(new NonRetriableError(`no: ${String(event.data["card"])}`)));
    },
  );
  const lines: string[] = [];
  const keep = (...parts: unknown[]): void =>
    void lines.push(
      JSON.stringify(parts.map((part) => (part instanceof Error ? [part.message, part.stack, part.cause] : part))),
    );
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const scenario = await start({ client, functions: [fails], logger });
  const calls: string[] = [];
  scenario.world.aws.faults.add((call) => {
    const text = JSON.stringify(call.input);
    for (const secret of [EVENT_KEY, SIGNING_KEY, wrongKey])
      if (text.includes(secret)) calls.push(`${call.operation} ${secret}`);
    return undefined;
  });
  const [id = ""] = await scenario.send({ name: "shop/x", data: { card: canary } });
  await postRaw(scenario, { name: "shop/x" }, { path: `/e/${wrongKey}` });
  for (const token of [SIGNING_KEY, EVENT_KEY, wrongKey]) {
    const answer = await scenario.world.request("GET", "/api/v1/runs", undefined, { authorization: `Bearer ${token}` });
    expect(Buffer.from(answer.body).toString()).not.toContain(token);
  }
  await scenario.advance(HOUR);
  expect((await scenario.runOf(id)).head.error?.message).toBe(`no: ${canary}`);
  // The search finds lines: the failed run is said, without what it was about.
  expect(lines.length).toBeGreaterThan(0);
  expect(
    lines.filter((line) => [canary, EVENT_KEY, SIGNING_KEY, wrongKey].some((secret) => line.includes(secret))),
  ).toEqual([]);
  expect(calls).toEqual([]);
});
