/**
 * Goal: whatever a stranger posts is answered clearly; what is refused leaves no trace, what is accepted arrives as it was.
 * Method: raw requests to the HTTP API; the ledger shows that nothing was stored, a good event that everything still works.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { encryptionMiddleware } from "../../sdk/middleware/encryption.js";
import { EVENT_KEY } from "../../local/world/world.js";
import { idsOf, postRaw, refusalCode, storedSince, type Answer } from "./hands.js";
import { scenarios } from "./started.js";
import { MINUTE, type Scenario } from "./world.js";

const start = scenarios();

const MEBIBYTE = 1024 * 1024;

async function echoing(): Promise<Scenario> {
  const client = new Perdure({ id: "shop" });
  const fn = client.createFunction({ id: "echo", triggers: { event: "shop/x" } }, async ({ event, step }) => {
    const stored = await step.run("store", () => event.data);
    await step.sleep("so that what was stored is read again", "1m");
    return stored;
  });
  return start({ client, functions: [fn] });
}

/** Sends each body, expects its refusal, and then that nothing is kept and a good event still runs. */
async function refuses(
  cases: readonly (readonly [body: unknown, status: number, code: string])[],
  ask: (scenario: Scenario, body: unknown) => Promise<Answer> = postRaw,
): Promise<void> {
  const scenario = await echoing();
  const mark = scenario.world.aws.ledger.mark();
  for (const [body, status, code] of cases) {
    const answer = await ask(scenario, body);
    await scenario.clock.settle();
    const shown = String(typeof body === "string" ? body : JSON.stringify(body)).slice(0, 80);
    expect(`${answer.status} ${String(refusalCode(answer))}`, shown).toBe(`${status} ${code}`);
  }
  expect(storedSince(scenario, mark)).toEqual([]);
  const [eventId = ""] = await scenario.send({ name: "shop/x", data: { good: true } });
  await scenario.advance(2 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual({ good: true });
}

it("what is no JSON is refused", () =>
  refuses([
    ["", 400, "INVALID_JSON"],
    ["{", 400, "INVALID_JSON"],
    ['{"name":"shop/x",}', 400, "INVALID_JSON"],
    ["{'name':'shop/x'}", 400, "INVALID_JSON"],
    ['{"name":"shop/x"}{"name":"shop/x"}', 400, "INVALID_JSON"],
    ["undefined", 400, "INVALID_JSON"],
    ['\ufeff{"name":"shop/x"}', 400, "INVALID_JSON"],
    ['{"name":"shop/x","data":{"n":1e999}}', 400, "INVALID_JSON"],
    [Buffer.from([0x7b, 0xff, 0x7d]), 400, "INVALID_JSON"],
    ["[".repeat(100_000), 400, "JSON_TOO_DEEP"],
    [`${'{"data":'.repeat(100_000)}1${"}".repeat(100_000)}`, 400, "JSON_TOO_DEEP"],
  ]));

it("what is no event is refused, one bad event refuses its request", () =>
  refuses([
    [[], 413, "TOO_MANY_EVENTS"],
    ["null", 400, "EVENT_INVALID"],
    ["5", 400, "EVENT_INVALID"],
    ['"shop/x"', 400, "EVENT_INVALID"],
    [[[{ name: "shop/x" }]], 400, "EVENT_INVALID"],
    [{}, 400, "EVENT_INVALID"],
    [{ name: 5 }, 400, "EVENT_INVALID"],
    [{ name: "" }, 400, "EVENT_INVALID"],
    [{ name: "a".repeat(257) }, 400, "EVENT_INVALID"],
    [{ name: "shop/\u0000" }, 400, "EVENT_INVALID"],
    [{ name: "shop/\ud800" }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", data: [] }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", data: "text" }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", id: 5 }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", id: "" }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", ts: "now" }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", ts: -1 }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", ts: 1_772_442_000 }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", v: 1 }, 400, "EVENT_INVALID"],
    [{ name: "shop/x", extra: true }, 400, "EVENT_INVALID"],
    ['{"name":"shop/x","__proto__":{"data":{}}}', 400, "EVENT_INVALID"],
    ['{"name":"shop/x","constructor":{}}', 400, "EVENT_INVALID"],
    [{ name: "perdure/function.finished" }, 400, "EVENT_NAME_RESERVED"],
    [{ name: "inngest/function.finished" }, 400, "EVENT_NAME_RESERVED"],
    [[{ name: "shop/x" }, { name: "shop/x" }, { name: 5 }], 400, "EVENT_INVALID"],
  ]));

it("what is too large is refused, whoever notices first", () =>
  refuses([
    [Array.from({ length: 5_001 }, () => ({ name: "shop/x" })), 413, "TOO_MANY_EVENTS"],
    [{ name: "shop/x", data: { text: "a".repeat(MEBIBYTE) } }, 413, "EVENT_TOO_LARGE"],
    [{ name: "shop/x", data: { text: "\u20ac".repeat(MEBIBYTE / 3) } }, 413, "EVENT_TOO_LARGE"],
    [" ".repeat(6 * MEBIBYTE + 1), 413, "Request Entity Too Large"],
    [" ".repeat(10 * MEBIBYTE + 1), 413, "Request Entity Too Large"],
  ]));

it("a key that is wrong, empty, a part of the right one or more than it is refused", () =>
  refuses(
    [
      ["/e/wrong", 401, "UNKNOWN_EVENT_KEY"],
      [`/e/${EVENT_KEY.slice(0, -1)}`, 401, "UNKNOWN_EVENT_KEY"],
      [`/e/${EVENT_KEY}x`, 401, "UNKNOWN_EVENT_KEY"],
      [`/e/${EVENT_KEY.toUpperCase()}`, 401, "UNKNOWN_EVENT_KEY"],
      [`/e/%00`, 401, "UNKNOWN_EVENT_KEY"],
      [`/e/${"k".repeat(5_000)}`, 401, "UNKNOWN_EVENT_KEY"],
      ["/e/", 404, "Not Found"],
      ["/e", 404, "Not Found"],
      ["/e/%zz", 400, "Bad Request"],
    ],
    (scenario, path) => postRaw(scenario, { name: "shop/x" }, { path: String(path) }),
  ));

it("a wrong key is refused before the body is looked at", async () => {
  const scenario = await echoing();
  expect(refusalCode(await postRaw(scenario, "{", { path: "/e/wrong" }))).toBe("UNKNOWN_EVENT_KEY");
});

it("other methods and other routes do not exist", async () => {
  const scenario = await echoing();
  for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
    expect(await postRaw(scenario, { name: "shop/x" }, { method })).toEqual({
      status: 404,
      body: { message: "Not Found" },
    });
  }
  for (const path of ["/", "/nothing", `/e/${EVENT_KEY}/more`, "/api/inngest", "/v1", "/fn"]) {
    const answer = await postRaw(scenario, { name: "shop/x" }, { path });
    expect(`${path} ${answer.status}`).toBe(`${path} 404`);
  }
});

it("a refusal says what is wrong, where, and what to do", async () => {
  const scenario = await echoing();
  expect(await postRaw(scenario, [{ name: "shop/x" }, { name: "shop/x", data: 5 }])).toEqual({
    status: 400,
    body: {
      error: {
        code: "EVENT_INVALID",
        message: "Cannot accept event 1: data is 5; expected an object, or nothing",
        remedy: "Correct the event and send the whole request again: none of its events was accepted.",
      },
    },
  });
  const { body } = await postRaw(scenario, '{"name":"shop/x",\n "data": oops}');
  expect(JSON.stringify(body)).toContain("line 2, column 10");
});

it("a body that travels as base64 is read like any other", async () => {
  const scenario = await echoing();
  for (const type of ["application/x-www-form-urlencoded", "application/octet-stream", "image/png"]) {
    const [eventId = ""] = idsOf(
      await postRaw(scenario, { name: "shop/x", data: { type } }, { headers: { "content-type": type } }),
    );
    await scenario.advance(2 * MINUTE);
    expect((await scenario.runOf(eventId)).output).toEqual({ type });
  }
});

it("__proto__ and constructor are data like any other, and pollute nothing", async () => {
  const scenario = await echoing();
  const data =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toString":"text","hasOwnProperty":3}';
  const [eventId = ""] = idsOf(await postRaw(scenario, `{"name":"shop/x","data":${data}}`));
  await scenario.advance(2 * MINUTE);
  expect(JSON.stringify((await scenario.runOf(eventId)).output)).toBe(data);
  expect("polluted" in {}).toBe(false);
  expect("polluted" in Object).toBe(false);
});

it("NUL, lone surrogates and characters SQS does not take arrive as they were sent, in event and step result", async () => {
  const scenario = await echoing();
  const texts = [
    "\u0000",
    "\ud800",
    "\udfff\ud800",
    "\ufffe",
    "\uffff",
    "\u0007\u001b\u007f\u0085",
    "\u{1f600}",
    "\u2028\ufeff",
  ];
  const data = Object.fromEntries(texts.map((text) => [`key ${text}`, `value ${text}`]));
  const [eventId = ""] = await scenario.send({ name: "shop/x", data, id: "\u0000\ud800\uffff" });
  await scenario.advance(2 * MINUTE);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual(data);
  expect((await scenario.event(eventId)).senderId).toBe("\u0000\ud800\uffff");
});

it("5,000 events in one request are accepted and every one of them runs, once", async () => {
  const client = new Perdure({ id: "shop" });
  const seen: number[] = [];
  const fn = client.createFunction({ id: "tiny", triggers: { event: "shop/tiny" } }, ({ event }) => {
    seen.push(Number(event.data["n"]));
  });
  const scenario = await start({ client, functions: [fn], workerConcurrency: 50 });
  const events = Array.from({ length: 5_000 }, (_, n) => ({ name: "shop/tiny", data: { n } }));
  const ids = await scenario.send(...events);
  await scenario.advance(MINUTE);
  expect(new Set(ids).size).toBe(5_000);
  expect(seen).toHaveLength(5_000);
  expect(new Set(seen).size).toBe(5_000);
  expect((await scenario.runOf(ids[4_999] ?? "")).head.status).toBe("Completed");
});

it("an event whose encrypted field is forged makes its own run rest, which a timeout ends", async () => {
  const encryption = encryptionMiddleware({ key: new Uint8Array(32).fill(1) });
  const client = new Perdure({ id: "clinic", middleware: [encryption] });
  const handled: unknown[] = [];
  const fn = client.createFunction(
    { id: "reads", triggers: { event: "clinic/in" }, timeouts: { finish: "1h" } },
    ({ event }) => void handled.push(event.data["encrypted"]),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  const forged = [
    "perdure.encrypted.v1.",
    "perdure.encrypted.v1.000000000000.AAAA",
    `perdure.encrypted.v1.${"x".repeat(900_000)}`,
  ];
  const ids = await scenario.send(
    ...[...forged, "plain"].map((encrypted) => ({ name: "clinic/in", data: { encrypted } })),
  );
  await scenario.advance(10 * MINUTE);
  const statuses = async (): Promise<string[]> =>
    Promise.all(ids.map(async (id) => (await scenario.runOf(id)).head.status));
  expect(await statuses()).toEqual(["Running", "Running", "Running", "Completed"]);
  await scenario.advance(120 * MINUTE);
  expect(await statuses()).toEqual(["Cancelled", "Cancelled", "Cancelled", "Completed"]);
  expect(handled).toEqual(["plain"]);
});
