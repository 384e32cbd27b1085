/**
 * Goal: with the encryption middleware nothing that is covered leaves the worker readable, keys can be rotated under running
 * functions, and a key that is missing costs time and nothing else.
 * Method: a canary in everything a function handles; every call to AWS and every log line is searched for it, compressed
 * payloads included. The same search finds it where there is no encryption.
 */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import type { AwsCall } from "../../local/aws/call.js";
import { Perdure } from "../../sdk/client.js";
import { isStepError, NonRetriableError, RetryAfterError, StepError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { Logger } from "../../sdk/logger.js";
import { encryptionMiddleware } from "../../sdk/middleware/encryption.js";
import type { MiddlewareClass } from "../../sdk/middleware/middleware.js";
import { itemsOf, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const CANARY = "canary-4711";
const OLD_KEY = new Uint8Array(32).fill(1);
const NEW_KEY = new Uint8Array(32).fill(2);
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Whether text or bytes hold it, however deep, compressed or not. */
function holds(value: unknown): boolean {
  if (typeof value === "string") return value.includes(CANARY);
  if (value instanceof Uint8Array) return holds(readable(value));
  if (value instanceof Error) return holds([value.message, value.stack, value.cause]);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, member]) => holds(key) || holds(member));
}

function readable(bytes: Uint8Array): string {
  try {
    return gunzipSync(bytes).toString("utf8");
  } catch {
    return Buffer.from(bytes).toString("utf8");
  }
}

/** Text that goes to S3, whatever compression makes of it. */
function incompressible(): string {
  const parts = Array.from({ length: 4_000 }, (_, n) => createHash("sha256").update(String(n)).digest("hex"));
  return parts
    .map((part) => `${part} ${CANARY}`)
    .join("")
    .padEnd(304_000);
}

/** Calls by the platform's functions that carry the canary, as "caller operation". */
function listen(scenario: Scenario): string[] {
  const leaks: string[] = [];
  scenario.world.aws.faults.add((call: AwsCall) => {
    if (holds(call.input)) leaks.push(`${call.caller.name} ${call.operation}`);
    return undefined;
  });
  return leaks;
}

interface Everything {
  client: Perdure;
  functions: PerdureFunction<never>[];
  lines: unknown[];
  seen: unknown[];
}

/** Functions that handle the canary in every way there is. */
function everything(middleware: readonly MiddlewareClass[]): Everything {
  const lines: unknown[] = [];
  const seen: unknown[] = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts);
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  const client = new Perdure({ id: "clinic", middleware, logger });
  const child = client.createFunction({ id: "child", retries: 0 }, ({ event }) => {
    seen.push(["child", event.data]);
    if (event.data["fails"] === true) throw new Error(`child: ${CANARY}`);
    return { answer: CANARY };
  });
  const parent = client.createFunction(
    {
      id: "parent",
      triggers: { event: "clinic/start" },
      retries: 1,
      onFailure: ({ event, error }) => {
        seen.push(["failure", error.message, event.data.event.data]);
      },
    },
    async ({ event, step }) => {
      const secret = event.data["encrypted"];
      seen.push(["event", secret]);
      seen.push(["small", await step.run("small", () => ({ secret }))]);
      seen.push(["large", (await step.run("large", incompressible)).length]);
      const failed = await step
        .run("fails", () => Promise.reject(new TypeError(`no: ${CANARY}`, { cause: new Error(CANARY) })))
        .catch((error: unknown) => error);
      seen.push(["failed", failed instanceof StepError && [failed.name, failed.message, String(failed.cause)]]);
      await step.sendEvent("tell", { name: "clinic/told", data: { plain: 1, encrypted: secret } });
      const data = { encrypted: secret };
      seen.push(["invoked", await step.invoke("ask", { function: child, data })]);
      const refused = await step
        .invoke("ask-in-vain", { function: child, data: { ...data, fails: true } })
        .catch(String);
      seen.push(["refused", refused]);
      const waited = await step.waitForEvent("wait", { event: "clinic/answer", timeout: "1h" });
      seen.push(["waited", waited?.data]);
      seen.push(["signal", await step.waitForSignal("sign", { signal: "s-1", timeout: "1h" })]);
      if (event.data["ends"] === "badly") throw new NonRetriableError(`the end: ${CANARY}`);
      return { output: CANARY };
    },
  );
  const told = client.createFunction({ id: "told", triggers: { event: "clinic/told" } }, ({ event }) => {
    seen.push(["told", event.data]);
  });
  const signs = client.createFunction(
    { id: "signs", triggers: { event: "clinic/answer" } },
    async ({ event, step }) => {
      await step.sleep("until-the-other-waits", "30s");
      await step.sendSignal("sign", { signal: "s-1", data: { word: event.data["encrypted"] } });
    },
  );
  return { client, functions: [parent, child, told, signs], lines, seen };
}

/** Sends as an app would, through the client and its middleware. */
function connect({ client }: Everything, scenario: Scenario): void {
  client.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
}

async function play(all: Everything, ends: string): Promise<{ leaks: string[]; scenario: Scenario }> {
  const scenario = await start({ client: all.client, functions: all.functions, logger: all.client.logger });
  connect(all, scenario);
  const leaks = listen(scenario);
  await all.client.send({ name: "clinic/start", data: { ends, encrypted: { word: CANARY } } });
  await scenario.advance(MINUTE);
  await all.client.send({ name: "clinic/answer", data: { encrypted: CANARY } });
  await scenario.advance(MINUTE);
  return { leaks, scenario };
}

describe("a canary", () => {
  const shown = [
    ["small", { secret: { word: CANARY } }],
    ["large", 304_000],
    ["failed", ["TypeError", `no: ${CANARY}`, `Error: ${CANARY}`]],
    ["invoked", { answer: CANARY }],
    ["waited", { encrypted: CANARY }],
    ["signal", { signal: "s-1", data: { word: CANARY } }],
    ["told", { plain: 1, encrypted: { word: CANARY } }],
  ];

  it("is seen by functions wherever it belongs, and by nobody else: no call, no item, no message, no line holds it", async () => {
    const all = everything([encryptionMiddleware({ key: OLD_KEY })]);
    const { leaks, scenario } = await play(all, "well");
    expect(leaks).toEqual([]);
    expect(all.lines.filter(holds)).toEqual([]);
    for (const entry of shown) expect(all.seen).toContainEqual(entry);
    const [run] = (await scenario.runsOf("parent")).timeSorted;
    expect(run?.head.status).toBe("Completed");
    expect(String(run?.output)).toMatch(/^perdure\.encrypted\.v1\./);
    expect(holds(await itemsOf(scenario, run?.head.runId ?? ""))).toBe(false);
  });

  it("is in no error either: of a step, of a child, of the function; and its failure handler reads it", async () => {
    const all = everything([encryptionMiddleware({ key: OLD_KEY })]);
    const { leaks, scenario } = await play(all, "badly");
    expect(leaks).toEqual([]);
    expect(all.lines.filter(holds)).toEqual([]);
    const [run] = (await scenario.runsOf("parent")).timeSorted;
    expect(run?.head).toMatchObject({
      status: "Failed",
      error: { name: "NonRetriableError", message: expect.stringMatching(/^perdure\.encrypted\.v1\./) },
    });
    expect(all.seen).toContainEqual(["failure", `the end: ${CANARY}`, { ends: "badly", encrypted: { word: CANARY } }]);
  });

  it("is found by the same search where nothing is encrypted", async () => {
    const all = everything([]);
    const { leaks } = await play(all, "well");
    for (const entry of shown) expect(all.seen).toContainEqual(entry);
    const kinds = new Set(leaks);
    expect([...kinds].sort()).toEqual(
      expect.arrayContaining([
        "dispatch PutItem",
        "ingest SendMessage",
        "worker PutItem",
        "worker PutObject",
        "worker SendMessage",
      ]),
    );
  });
});

describe("keys", () => {
  const versions = (
    seen: unknown[],
    middleware: readonly MiddlewareClass[],
  ): { client: Perdure; functions: PerdureFunction<never>[] } => {
    const client = new Perdure({ id: "clinic", middleware, logger: silent });
    const fn = client.createFunction(
      { id: "slow", triggers: { event: "clinic/start" }, retries: 0 },
      async ({ event, step }) => {
        const a = await step.run("a", () => `${CANARY} a`);
        const b = await step.run("b", () => Promise.reject(new Error(`${CANARY} b`))).catch((error: unknown) => error);
        await step.sleep("nap", "1h");
        const c = await step.run("c", () => `${CANARY} c`);
        seen.push([event.data["encrypted"], a, isStepError(b) ? b.message : b, c]);
        return "done";
      },
    );
    return { client, functions: [fn] };
  };
  const expected = ["from outside", `${CANARY} a`, `${CANARY} b`, `${CANARY} c`];

  async function begun(
    seen: unknown[],
    middleware: readonly MiddlewareClass[],
  ): Promise<{ scenario: Scenario; eventId: string }> {
    const { client, functions } = versions(seen, middleware);
    const scenario = await start({ client, functions, sweeper: true });
    client.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
    const { ids } = await client.send({ name: "clinic/start", data: { encrypted: "from outside" } });
    await scenario.advance(SECOND);
    return { scenario, eventId: ids[0] ?? "" };
  }

  it("are rotated under a running function: what the old one wrote is read, what is new is written with the new one", async () => {
    const seen: unknown[] = [];
    const { scenario, eventId } = await begun(seen, [encryptionMiddleware({ key: OLD_KEY })]);
    const rotated = [encryptionMiddleware({ key: NEW_KEY, previousKeys: [OLD_KEY] })];
    await scenario.world.redeploy(versions(seen, rotated).functions);
    await scenario.advance(2 * HOUR);
    const { head, entries } = await scenario.runOf(eventId);
    expect(head.status).toBe("Completed");
    expect(seen).toEqual([expected]);
    const keyIds = entries.flatMap((entry) =>
      entry.k === "done" && "ok" in entry ? [String(entry.ok).split(".")[3]] : [],
    );
    expect(keyIds).toHaveLength(2);
    expect(keyIds[0]).not.toBe(keyIds[1]);
  });

  it("that are missing make the run rest, for hours if need be; it goes on when they are back, and nothing was lost", async () => {
    const seen: unknown[] = [];
    const { scenario, eventId } = await begun(seen, [encryptionMiddleware({ key: OLD_KEY })]);
    await scenario.world.redeploy(versions(seen, [encryptionMiddleware({ key: NEW_KEY })]).functions);
    await scenario.advance(6 * HOUR);
    const resting = await scenario.runOf(eventId);
    expect(resting.head.status).toBe("Running");
    expect(resting.head.diverged?.recorded).toMatch(
      /^Cannot decrypt the data of event "clinic\/start": it was encrypted with key "[0-9a-f]{12}"; expected one of the keys this worker has: /,
    );
    expect(resting.entries.map(({ k }) => k)).toEqual(["done", "done", "op"]);
    expect(seen).toEqual([]);
    const mended = [encryptionMiddleware({ key: NEW_KEY, previousKeys: [OLD_KEY] })];
    await scenario.world.redeploy(versions(seen, mended).functions);
    await scenario.advance(HOUR);
    expect((await scenario.runOf(eventId)).head).toMatchObject({ status: "Completed", diverged: null });
    expect(seen).toEqual([expected]);
  });

  it("that are missing for a month cost nothing either: what a run that rests needs does not expire", async () => {
    const seen: unknown[] = [];
    const { client, functions } = versions(seen, [encryptionMiddleware({ key: OLD_KEY })]);
    const scenario = await start({ client, functions, retentionDays: 1 });
    client.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
    const { ids } = await client.send({ name: "clinic/start", data: { encrypted: "from outside" } });
    await scenario.advance(SECOND);
    const { head } = await scenario.runOf(ids[0] ?? "");
    await scenario.world.redeploy(versions(seen, [encryptionMiddleware({ key: NEW_KEY })]).functions);
    const wake = JSON.stringify({ v: 1, run: head.runId, fn: "slow", why: "sweep" });
    for (let day = 0; day < 30; day += 1) {
      // In the sweeper's place, which would do it more often: once a day is enough.
      await sendRaw(scenario, scenario.world.stepQueueUrl, wake);
      await scenario.advance(DAY);
    }
    expect((await scenario.run(head.runId)).head.status).toBe("Running");
    const mended = [encryptionMiddleware({ key: NEW_KEY, previousKeys: [OLD_KEY] })];
    await scenario.world.redeploy(versions(seen, mended).functions);
    await sendRaw(scenario, scenario.world.stepQueueUrl, wake);
    await scenario.advance(DAY);
    expect((await scenario.run(head.runId)).head.status).toBe("Completed");
    expect(seen).toEqual([expected]);
  });

  it("encryption is turned on, and off again with decryptOnly, under a running function", async () => {
    const seen: unknown[] = [];
    const { scenario, eventId } = await begun(seen, []);
    await scenario.world.redeploy(versions(seen, [encryptionMiddleware({ key: OLD_KEY })]).functions);
    await scenario.advance(2 * HOUR);
    const off = await begun(seen, [encryptionMiddleware({ key: OLD_KEY })]);
    await off.scenario.world.redeploy(
      versions(seen, [encryptionMiddleware({ key: OLD_KEY, decryptOnly: true })]).functions,
    );
    await off.scenario.advance(2 * HOUR);
    expect((await scenario.runOf(eventId)).head.status).toBe("Completed");
    expect((await off.scenario.runOf(off.eventId)).output).toBe("done");
    expect(seen).toEqual([expected, expected]);
  });

  it("a stored result that was changed makes the run rest and is not shown", async () => {
    const seen: unknown[] = [];
    const { scenario, eventId } = await begun(seen, [encryptionMiddleware({ key: OLD_KEY })]);
    const { head } = await scenario.runOf(eventId);
    const first = (await itemsOf(scenario, head.runId)).find((item) => item["sk"]?.S === "LOG#000001#000001");
    const text = JSON.stringify(first);
    // The end of the token: its tag.
    const changed = text.replace(/(perdure\.encrypted\.v1\.[\w.-]{40})./, (_, kept: string) => `${kept}!`);
    expect(changed).not.toBe(text);
    const { clients, settings } = scenario.world.services("intruder");
    await clients.dynamodb.send(new PutItemCommand({ TableName: settings.tableName, Item: JSON.parse(changed) }));
    await scenario.advance(2 * HOUR);
    const resting = await scenario.runOf(eventId);
    expect(resting.head.status).toBe("Running");
    expect(resting.head.diverged).toMatchObject({
      stepId: "a",
      recorded: expect.stringContaining("expected it unchanged"),
    });
    expect(seen).toEqual([]);
  });
});

describe("a distributed step", () => {
  function fanned(seen: unknown[], encryption: MiddlewareClass): { client: Perdure; fn: PerdureFunction<never> } {
    const client = new Perdure({ id: "clinic", middleware: [encryption], logger: silent });
    const fn = client.createFunction(
      { id: "fans", triggers: { event: "clinic/start" }, retries: 1, parallel: "distributed" },
      async ({ event, step }) => {
        const secret = await step.run({ id: "secret", distributed: false }, () => event.data["encrypted"]);
        const branch = (n: number): Promise<string> =>
          step.run(`branch-${n}`, () => {
            seen.push(`branch ${n} runs`);
            if (n === 2) throw new Error(`${String(secret)} of branch ${n}`);
            return `${String(secret)} of branch ${n}`;
          });
        const settled = await Promise.allSettled([1, 2, 3].map(branch));
        seen.push(settled.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason))));
      },
    );
    return { client, fn };
  }
  const runs = ["branch 1 runs", "branch 2 runs", "branch 2 runs", "branch 3 runs"];
  const result = [`${CANARY} of branch 1`, `Error: ${CANARY} of branch 2`, `${CANARY} of branch 3`];

  it("runs its body, its hooks and its encryption in a Lambda of its own, and is read in the turn", async () => {
    const seen: unknown[] = [];
    const { client, fn } = fanned(seen, encryptionMiddleware({ key: OLD_KEY }));
    const scenario = await start({ client, functions: [fn] });
    client.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
    const leaks = listen(scenario);
    const { ids } = await client.send({ name: "clinic/start", data: { encrypted: CANARY } });
    await scenario.advance(HOUR);
    expect((await scenario.runOf(ids[0] ?? "")).head.status).toBe("Completed");
    expect(seen.slice(0, -1).sort()).toEqual(runs);
    expect(seen.at(-1)).toEqual(result);
    expect(leaks).toEqual([]);
  });

  it("whose key is missing rests with its run: no attempt is charged for it", async () => {
    const seen: unknown[] = [];
    const { client, fn } = fanned(seen, encryptionMiddleware({ key: OLD_KEY }));
    const scenario = await start({ client, functions: [fn], sweeper: true });
    client.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
    const { ids } = await client.send({ name: "clinic/start", data: { encrypted: CANARY } });
    // The second branch has failed once and is tried again in some seconds.
    await scenario.advance(SECOND);
    await scenario.world.redeploy([fanned(seen, encryptionMiddleware({ key: NEW_KEY })).fn]);
    await scenario.advance(3 * HOUR);
    expect(seen.sort()).toEqual(["branch 1 runs", "branch 2 runs", "branch 3 runs"]);
    const mended = encryptionMiddleware({ key: NEW_KEY, previousKeys: [OLD_KEY] });
    await scenario.world.redeploy([fanned(seen, mended).fn]);
    await scenario.advance(HOUR);
    expect((await scenario.runOf(ids[0] ?? "")).head.status).toBe("Completed");
    expect(seen.slice(0, -1).sort()).toEqual(runs);
    expect(seen.at(-1)).toEqual(result);
  });
});

describe("what an error asks for", () => {
  it("is the same, encrypted or not: no further attempt, one at a time of its own, one when it suits", async () => {
    const times: number[] = [];
    const client = new Perdure({ id: "clinic", middleware: [encryptionMiddleware({ key: OLD_KEY })], logger: silent });
    let scenario: Scenario | null = null;
    const fn = client.createFunction(
      { id: "asks", triggers: { event: "clinic/start" }, retries: 3 },
      async ({ step }) => {
        const never = await step
          .run("never", () => Promise.reject(new NonRetriableError("never")))
          .catch((error: Error) => error);
        await step.run("later", () => {
          times.push(scenario?.clock.now() ?? 0);
          if (times.length === 1) throw new RetryAfterError("later", "20m");
        });
        throw never;
      },
    );
    scenario = await start({ client, functions: [fn] });
    const [eventId = ""] = await scenario.send({ name: "clinic/start" });
    await scenario.advance(HOUR);
    const { head, entries } = await scenario.runOf(eventId);
    expect(entries.map((entry) => ("a" in entry ? `${entry.k} ${entry.a}` : entry.k))).toEqual([
      "done 1",
      "failed 1",
      "done 2",
    ]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(20 * MINUTE);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(21 * MINUTE);
    // A step's final error that the function lets through is not the function's own: no further attempt.
    expect(head).toMatchObject({ status: "Failed", error: { name: "NonRetriableError" } });
  });
});
