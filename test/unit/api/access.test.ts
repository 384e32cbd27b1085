/**
 * Goal: who may ask what, and that nothing a caller sends, and nothing that goes wrong behind the API, gets more than a
 * clear refusal.
 * Method: the whole API over the embedded AWS; hostile paths, keys and methods; faults switched on under it.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorld, eventId, KEY, runId, type World } from "./world.js";

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

describe("GET /health", () => {
  it("answers without a key", async () => {
    const reply = await world.ask("/health", { authorization: null });
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({ data: { status: "ok" } });
    expect(reply.headers).toEqual({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  });

  it("asks nothing of AWS", async () => {
    const before = world.aws.faults.calls;
    await world.ask("/health", { authorization: null });
    expect(world.aws.faults.calls - before).toBe(0);
  });
});

describe("the signing key", () => {
  it.each([
    ["none", null],
    ["an empty header", ""],
    ["no token", "Bearer"],
    ["an empty token", "Bearer "],
    ["another key", "Bearer signkey-other"],
    ["a prefix of a key", "Bearer signkey-test-"],
    ["a key and more", `Bearer ${KEY}1`],
    ["a key in other case", `Bearer ${KEY.toUpperCase()}`],
    ["two keys", `Bearer signkey-test-0,${KEY}`],
    ["a key and a second word", `Bearer ${KEY} x`],
    ["the bare key", KEY],
    ["another scheme", `Basic ${KEY}`],
    ["ten thousand characters", `Bearer ${"x".repeat(10_000)}`],
    ["the event key", "Bearer event-key"],
    ["__proto__", "Bearer __proto__"],
  ])("is refused: %s", async (_name, authorization) => {
    const reply = await world.ask("/api/v1/functions", { authorization });
    expect(reply.status).toBe(401);
    expect(reply.body.error?.code).toBe("UNAUTHORIZED");
    expect(reply.headers["www-authenticate"]).toBe("Bearer");
    expect(JSON.stringify(reply.body)).not.toContain("signkey-");
  });

  it.each([`Bearer ${KEY}`, "Bearer signkey-test-0", `bearer ${KEY}`])("is accepted: %s", async (authorization) => {
    expect((await world.ask("/api/v1/functions", { authorization })).status).toBe(200);
  });

  it("never matches when none is configured", async () => {
    const closed = await createWorld([]);
    for (const authorization of [null, "Bearer ", "Bearer undefined", `Bearer ${KEY}`]) {
      expect((await closed.ask("/api/v1/runs", { authorization })).status).toBe(401);
    }
    closed.close();
  });

  it("is asked for before a path is known or not, and before anything is read or cancelled", async () => {
    const id = await world.createRun(1);
    const before = world.aws.faults.calls;
    for (const path of ["/api/v1/nothing", "/api/v1/runs/none", `/api/v1/runs/${id}`, "/"]) {
      expect((await world.ask(path, { authorization: null, method: "DELETE" })).status).toBe(401);
    }
    expect(world.aws.faults.calls - before).toBe(0);
  });
});

describe("a path", () => {
  const hostile = [
    "..",
    "../",
    "%2e%2e",
    "%00",
    "\0",
    "%",
    "%zz",
    "#",
    "shop#RUN#x",
    "RUN",
    "__proto__",
    "constructor",
    "x".repeat(10_240),
    `${runId(1)}#RUN`,
    `${runId(1)} `,
    `${runId(1)}%20`,
    runId(1).toUpperCase(),
    runId(1).slice(0, -1),
    `${runId(1)}0`,
    `${eventId(1)}0`,
    eventId(1).toLowerCase(),
    "shop_0000000000000000000000000é",
    "😀",
    '{"a":1}',
    "' OR 1=1",
  ];

  const named = hostile.map((id) => [id.slice(0, 40), id] as const);
  it.each(named)("with the id %j finds nothing, reads nothing and is never a 500", async (_shown, id) => {
    await world.createRun(1);
    const before = world.aws.faults.calls;
    const paths = [
      `/api/v1/runs/${id}`,
      `/api/v1/runs/${id}/steps`,
      `/api/v1/events/${id}`,
      `/api/v1/events/${id}/runs`,
    ];
    for (const path of paths) {
      const reply = await world.ask(path);
      expect(reply.status).toBe(404);
      expect(reply.body.error?.code).toBe("NOT_FOUND");
      expect(reply.body.error?.message.length).toBeLessThan(300);
    }
    expect((await world.ask(`/api/v1/runs/${id}`, { method: "DELETE" })).status).toBe(404);
    expect(world.aws.faults.calls - before).toBe(0);
  });

  it.each([
    "/",
    "",
    "/api/v1",
    "/api/v1/",
    "/api/v1/runs/",
    "/api/v1/functions/",
    "/api/v1/events",
    "/API/v1/runs",
    "/api/v2/runs",
    "//api/v1/runs",
    `/api/v1/runs/${runId(1)}/`,
    `/api/v1/runs/${runId(1)}/steps/1`,
    "/api/v1/:id",
    "/v1/runs",
    "/api/inngest",
  ])("that is none is not found: %j", async (path) => {
    const reply = await world.ask(path);
    expect(reply.status).toBe(404);
    expect(reply.body.error?.code).toBe("NOT_FOUND");
  });

  it.each([
    ["POST", "/health", "GET"],
    ["POST", "/api/v1/runs", "GET"],
    ["DELETE", "/api/v1/runs", "GET"],
    ["PUT", `/api/v1/runs/${runId(1)}`, "GET, DELETE"],
    ["get", `/api/v1/runs/${runId(1)}`, "GET, DELETE"],
    ["DELETE", `/api/v1/events/${eventId(1)}`, "GET"],
    ["HEAD", "/api/v1/functions", "GET"],
    ["__proto__", "/api/v1/functions", "GET"],
  ])("refuses %s %s and names what it allows", async (method, path, allow) => {
    const reply = await world.ask(path, { method });
    expect(reply.status).toBe(405);
    expect(reply.body.error?.code).toBe("METHOD_NOT_ALLOWED");
    expect(reply.headers["allow"]).toBe(allow);
  });

  it.each(["/health", "/api/v1/functions", `/api/v1/runs/${runId(1)}`, `/api/v1/events/${eventId(1)}/runs`])(
    "without parameters refuses a query: %s",
    async (path) => {
      const reply = await world.ask(path, { query: "verbose=1" });
      expect(reply.status).toBe(400);
      expect(reply.body.error).toEqual({
        code: "INVALID_QUERY",
        message: 'Cannot read query parameter "verbose": it is not known here; expected no query',
        remedy: "Correct the query. A cursor is passed on exactly as it was received.",
      });
    },
  );
});

describe("trouble behind the API", () => {
  it("is INTERNAL without details, which go to the log with the request id", async () => {
    world.services.settings.tableName = "no-such-table";
    const reply = await world.ask(`/api/v1/runs/${runId(1)}`);
    expect(reply.status).toBe(500);
    expect(reply.body.error).toEqual({
      code: "INTERNAL",
      message: 'Cannot answer request "request-7": something is wrong inside the platform; expected an answer',
      remedy: "Search the log of the API function for this request id: the cause is written there.",
    });
    const [line] = world.logLines;
    expect(line?.[0]).toBe("Cannot answer an API request");
    expect(line?.[1]).toEqual({ requestId: "request-7" });
    expect(line?.[2]).toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("is UNAVAILABLE when AWS gives no answer", async () => {
    world.aws.faults.add(() => "throttle");
    const asking = world.ask(`/api/v1/runs/${runId(1)}`);
    const reply = await world.clock.advanceUntil(asking, 60_000);
    expect(reply.status).toBe(503);
    expect(reply.body.error?.code).toBe("UNAVAILABLE");
    expect(JSON.stringify(reply.body)).not.toContain("Throttling");
  });

  it("passes when a repeated call gets through", async () => {
    const id = await world.createRun(1);
    const next = world.aws.faults.calls + 1;
    world.aws.faults.add((call) => (call.index <= next + 1 ? "drop" : undefined));
    const reply = await world.clock.advanceUntil(world.ask(`/api/v1/runs/${id}`), 60_000);
    expect(reply.status).toBe(200);
  });
});
