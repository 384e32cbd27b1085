/**
 * Goal: payloads of every allowed size come through unchanged, larger ones are refused by name, and nothing of a run
 * expires before the run is done with it or stays long after.
 * Method: text that does not compress, from a seed, so that sizes are real; S3, the items' TTLs and the expiry are looked at.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { SIGNING_KEY } from "../../local/world/world.js";
import { isPutOf, item, itemsOf, objects, onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const DAY_SECONDS = DAY / SECOND;
const SEED = 20_260_302;

/** Text of so many characters that gzip cannot make much shorter. */
function noise(characters: number, seed = SEED): string {
  const bytes = seededRandom(seed).bytes(Math.ceil((characters * 3) / 4));
  return Buffer.from(bytes).toString("base64").slice(0, characters);
}

async function largestTtlDays(
  scenario: Scenario,
  runId: string,
): Promise<{ head: number; least: number; most: number }> {
  const items = await itemsOf(scenario, runId);
  const days = (ttl: string | undefined): number => (Number(ttl) - START_MS / SECOND) / DAY_SECONDS;
  const all = items.map((one) => days(one["ttl"]?.N));
  const head = days(items.find((one) => one["sk"]?.S === "RUN")?.["ttl"]?.N);
  return { head, least: Math.min(...all), most: Math.max(...all) };
}

it("a step result of 4 MB less a few bytes is kept in S3 and comes back byte by byte", async () => {
  const client = new Perdure({ id: "shop" });
  const text = noise(4 * MEBIBYTE - 2);
  let bodies = 0;
  const seen: boolean[] = [];
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    const result = await step.run("large", () => {
      bodies += 1;
      return text;
    });
    seen.push(result === text);
    await step.sleep("so that it is read again", "1m");
    return result.length;
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toBe(4_194_302);
  expect(seen).toEqual([true, true]);
  expect(bodies).toBe(1);
  expect(await objects(scenario, "runs/")).toHaveLength(1);
});

it("a result of a byte more is refused as RESULT_TOO_LARGE, at once, and the function may catch it", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "larger", triggers: { event: "shop/x" } }, async ({ step }) => {
    const caught: unknown = await step
      .run("larger", () => {
        bodies += 1;
        return "a".repeat(4 * MEBIBYTE - 1);
      })
      .catch((error: unknown) => error);
    const code: unknown = typeof caught === "object" && caught !== null && "code" in caught ? caught.code : "none";
    const message = caught instanceof Error ? caught.message : "";
    return { code, message, after: await step.run("small", () => "fine") };
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  expect((await scenario.runOf(eventId)).output).toEqual({
    code: "RESULT_TOO_LARGE",
    message: 'Cannot record the result of step "larger": it has 4194305 bytes of JSON; expected at most 4194304',
    after: "fine",
  });
  expect(bodies).toBe(1);
  expect(await objects(scenario, "runs/")).toEqual([]);
});

it("an event of 1 MB less a few bytes reaches its function whole", async () => {
  const client = new Perdure({ id: "shop" });
  const text = noise(MEBIBYTE - 100);
  const fn = client.createFunction({ id: "reads", triggers: { event: "shop/x" } }, async ({ event, step }) => {
    await step.sleep("so that it is read again", "1m");
    return event.data["text"] === text;
  });
  const scenario = await start({ client, functions: [fn] });
  const ids = await scenario.send({ name: "shop/x", data: { text } }, { name: "shop/x", data: { text: "small" } });
  await scenario.advance(2 * MINUTE);
  const outputs = await Promise.all(ids.map(async (id) => (await scenario.runOf(id)).output));
  expect(outputs).toEqual([true, false]);
});

it("results of 1, 20 and 300 KB and an output of 1 MB come back as they were", async () => {
  const client = new Perdure({ id: "shop" });
  const sizes = [KIBIBYTE, 20 * KIBIBYTE, 300 * KIBIBYTE];
  const output = noise(MEBIBYTE);
  const same: boolean[] = [];
  const fn = client.createFunction({ id: "sizes", triggers: { event: "shop/x" } }, async ({ step }) => {
    const results: string[] = [];
    for (const size of sizes) results.push(await step.run(`of ${size}`, () => noise(size, size)));
    await step.sleep("so that they are read again", "1m");
    same.push(...results.map((result, index) => result === noise(sizes[index] ?? 0, sizes[index])));
    return output;
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output === output).toBe(true);
  expect(same).toEqual([true, true, true]);
});

it("40 parallel results of 15 KB fit the log, item by item", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "wide", triggers: { event: "shop/x" } }, async ({ step }) => {
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => step.run(`part-${n}`, () => noise(15 * KIBIBYTE, n))),
    );
    await step.sleep("so that they are read again", "1m");
    return results.every((result, n) => result === noise(15 * KIBIBYTE, n));
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe(true);
});

it("a result beyond 32 MB in one run is refused, a small one after it is not", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "hoard", triggers: { event: "shop/x" } }, async ({ step }) => {
    // Compresses well: what counts is the JSON, which a load has to hold.
    for (let n = 0; n < 8; n += 1) await step.run(`part-${n}`, () => "a".repeat(4 * MEBIBYTE - 100));
    const caught: unknown = await step.run("one more", () => "a".repeat(KIBIBYTE)).catch((error: unknown) => error);
    const code: unknown = typeof caught === "object" && caught !== null && "code" in caught ? caught.code : "none";
    return { code, after: await step.run("small", () => "fine") };
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual({ code: "RUN_TOO_LARGE", after: "fine" });
});

it("a run's objects are marked when it ends, not before", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("large", () => noise(300 * KIBIBYTE));
    await step.sleep("nap", "1m");
    return noise(200 * KIBIBYTE, 2);
  });
  const scenario = await start({ client, functions: [fn] });
  await scenario.send({ name: "shop/x" });
  expect((await objects(scenario, "runs/")).map(({ tags }) => tags)).toEqual([[]]);
  await scenario.advance(2 * MINUTE);
  expect((await objects(scenario, "runs/")).map(({ tags }) => tags)).toEqual([["perdure=ended"], ["perdure=ended"]]);
});

it("objects of a run that slept for weeks begin their retention when it ends", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("large", () => noise(300 * KIBIBYTE));
    await step.sleep("nap", "20d");
  });
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(21 * DAY);
  const { head } = await scenario.runOf(eventId);
  expect(head).toMatchObject({ status: "Completed", effects: [] });
  const [object] = await objects(scenario, "runs/");
  expect(object?.tags).toEqual(["perdure=ended"]);
  expect(object?.writtenAtMs).toBeGreaterThanOrEqual(START_MS + 20 * DAY);
});

it("a cancel leaves the payloads of a long run to a worker, which begins their retention anew", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("large", () => noise(300 * KIBIBYTE));
    await step.sleep("nap", "100d");
  });
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(2 * DAY);
  const [runId = ""] = await scenario.runIds(eventId);
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  expect((await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers)).status).toBe(200);
  expect((await objects(scenario, "runs/"))[0]?.tags).toEqual([]);
  await scenario.advance(5 * MINUTE);
  expect((await scenario.run(runId)).head).toMatchObject({ status: "Cancelled", effects: [] });
  const [object] = await objects(scenario, "runs/");
  expect(object?.tags).toEqual(["perdure=ended"]);
  expect(object?.writtenAtMs).toBeGreaterThanOrEqual(START_MS + 2 * DAY);
});

it("objects of a turn that crashed are marked too", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "large", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("large", () => noise(300 * KIBIBYTE));
    return "ended";
  });
  const scenario = await start({ client, functions: [fn] });
  const hasDied = onceAt(scenario, (call) => isPutOf(call, "LOG#"), "crash-after");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  expect(hasDied()).toBe(true);
  expect((await scenario.runOf(eventId)).output).toBe("ended");
  expect((await objects(scenario, "runs/")).map(({ tags }) => tags)).toEqual([["perdure=ended"]]);
});

it("a finished run is kept for the retention and is gone with all its items after it", async () => {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "quick", triggers: { event: "shop/x" } }, async ({ step }) => {
    await step.run("one", () => 1);
    await step.run("two", () => 2);
  });
  const scenario = await start({ client, functions: [fn], retentionDays: 14 });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [runId = ""] = await scenario.runIds(eventId);
  const ttl = await largestTtlDays(scenario, runId);
  expect(ttl.head).toBe(14);
  expect(ttl.least).toBe(14);
  // A week of slack, so that shorter waits need not touch what is written once.
  expect(ttl.most).toBe(21);
  await scenario.advance(13 * DAY);
  scenario.world.aws.expireItems();
  expect((await scenario.run(runId)).head.status).toBe("Completed");
  expect((await scenario.event(eventId)).name).toBe("shop/x");
  await scenario.advance(9 * DAY);
  scenario.world.aws.expireItems();
  expect(await itemsOf(scenario, runId)).toEqual([]);
  expect(await item(scenario, `EVENT#${eventId}`, "EVENT")).toBeUndefined();
});

it("a sleep of 300 days pushes the end of everything the run needs beyond its wake", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "winter", triggers: { event: "shop/x" } }, async ({ event, step }) => {
    const before = await step.run("before", () => {
      bodies += 1;
      return noise(50 * KIBIBYTE);
    });
    await step.sleep("short", "1d");
    await step.sleep("winter", "300d");
    return { same: before === noise(50 * KIBIBYTE), event: event.data["large"] === noise(40 * KIBIBYTE, 4) };
  });
  const scenario = await start({ client, functions: [fn], retentionDays: 14 });
  const [eventId = ""] = await scenario.send({ name: "shop/x", data: { large: noise(40 * KIBIBYTE, 4) } });
  const [runId = ""] = await scenario.runIds(eventId);
  await scenario.advance(2 * DAY);
  const ttl = await largestTtlDays(scenario, runId);
  expect(ttl.least).toBeGreaterThanOrEqual(315);
  expect(ttl.least).toBeLessThan(323);
  const eventTtl = Number((await item(scenario, `EVENT#${eventId}`, "EVENT"))?.["ttl"]?.N);
  expect((eventTtl - START_MS / SECOND) / DAY_SECONDS).toBeGreaterThanOrEqual(315);
  for (let month = 0; month < 9; month += 1) {
    await scenario.advance(30 * DAY);
    scenario.world.aws.expireItems();
  }
  expect((await scenario.run(runId)).head.status).toBe("Running");
  await scenario.advance(30 * DAY);
  expect((await scenario.run(runId)).output).toEqual({ same: true, event: true });
  expect(bodies).toBe(1);
  await scenario.advance(23 * DAY);
  scenario.world.aws.expireItems();
  expect(await itemsOf(scenario, runId)).toEqual([]);
});

it("a run that never rests long is never older than its items: a year of daily sleeps keeps its history", async () => {
  const client = new Perdure({ id: "shop" });
  let bodies = 0;
  const fn = client.createFunction({ id: "daily", triggers: { event: "shop/x" } }, async ({ step }) => {
    for (let day = 0; day < 100; day += 1) {
      await step.run("count", () => (bodies += 1));
      await step.sleep("night", "1d");
    }
    return bodies;
  });
  const scenario = await start({ client, functions: [fn], retentionDays: 3 });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  const [runId = ""] = await scenario.runIds(eventId);
  await scenario.advance(101 * DAY);
  const run = await scenario.run(runId);
  expect(run.head.status).toBe("Completed");
  expect(run.output).toBe(100);
});

it("S3 that answers nothing for a minute makes no body run again: what has come out of it is stored when S3 is back", async () => {
  const bodies: string[] = [];
  const work = (id: string) => (): string => {
    bodies.push(id);
    return noise(40_000);
  };
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "outage", triggers: { event: "shop/x" }, retries: 0 }, async ({ step }) => {
    const [near, far] = await Promise.all([
      step.run("near", work("near")),
      step.run({ id: "far", distributed: true }, work("far")),
    ]);
    return near + far;
  });
  const scenario = await start({ client, functions: [fn], workerTimeoutMs: 5 * MINUTE });
  const backMs = scenario.clock.now() + MINUTE;
  scenario.world.aws.faults.add(({ service, operation }) =>
    service === "s3" && operation === "PutObject" && scenario.clock.now() < backMs ? "throttle" : undefined,
  );
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(50 * SECOND);
  expect(bodies.toSorted()).toEqual(["far", "near"]);
  await scenario.advance(5 * MINUTE);
  const { head, output } = await scenario.runOf(eventId);
  expect([head.status, output]).toEqual(["Completed", noise(40_000).repeat(2)]);
  expect(bodies).toHaveLength(2);
});
