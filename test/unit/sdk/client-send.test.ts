/**
 * Goal: send() delivers events once or says why not, never to the wrong place, and never shows the event key.
 * Method: a scripted fetch and a virtual clock; every request and every wait is compared with literals.
 */
import { describe, expect, it } from "vitest";
import { eventType, Perdure, PerdureError, type FetchLike } from "../../../sdk/index.js";
import type { SendWorld } from "../../../sdk/send.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { schemaOf } from "./schema-of.js";

const SECRET = "k3y/secret";
type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | Error | "hang";

interface Request {
  atMs: number;
  url: string;
  requestId: string;
  body: unknown;
}

/** A client whose requests are answered from `script`, one after the other; the last answer is repeated. */
function setup(script: Answer[], environment: Record<string, string> = {}, options: object = {}) {
  const clock = new VirtualClock({ startMs: 1_000_000 });
  const requests: Request[] = [];
  const answer: FetchLike = async (url, request) => {
    const requestId = request.headers["x-perdure-request-id"] ?? "";
    requests.push({ atMs: clock.monotonic(), url, requestId, body: JSON.parse(request.body) });
    expect(request).toMatchObject({
      method: "POST",
      redirect: "manual",
      headers: { "content-type": "application/json" },
    });
    const scripted = script[Math.min(requests.length, script.length) - 1];
    if (scripted === undefined || scripted instanceof Error) throw scripted ?? new Error("no script");
    if (scripted === "hang") {
      return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
    }
    const { status, body, headers = {} } = scripted;
    return {
      status,
      headers: { get: (name) => headers[name] ?? null },
      text: async () => (typeof body === "string" ? body : JSON.stringify(body)),
    };
  };
  const world: SendWorld = {
    clock,
    random: { unit: () => 1, bytes: (count) => new Uint8Array(count).fill(0xab) },
    fetch: answer,
    environment: () => environment,
  };
  const client = new Perdure({ id: "shop", ...options }, world);
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.advanceUntil(promise, 600_000);
  return { client, requests, settle, clock };
}

const configured = { PERDURE_URL: "https://api.example.com/", PERDURE_EVENT_KEY: SECRET };
const accepted: Answer = { status: 200, body: { ids: ["01"], status: 200 } };
const event = { name: "app/x" };

/** The error `promise` rejects with. The event key must be nowhere in it. */
async function failure(promise: Promise<unknown>): Promise<PerdureError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PerdureError)) throw new Error(`expected a PerdureError, got ${String(error)}`);
  const shown = [error.message, error.remedy, error.stack, String(error.cause)].join("\n");
  expect(shown).not.toContain(SECRET);
  expect(shown).not.toContain(encodeURIComponent(SECRET));
  return error;
}

describe("send()", () => {
  it("posts one event or a list and answers with their ids", async () => {
    const { client, requests, settle } = setup([{ status: 200, body: { ids: ["01", "02"] } }], configured);
    const sent = client.send([
      { name: "app/a", data: { at: new Date(0), gone: undefined }, id: "i", ts: new Date(5), v: "1" },
      { name: "app/b" },
    ]);
    expect(await settle(sent)).toEqual({ ids: ["01", "02"] });
    expect(requests).toEqual([
      {
        atMs: 0,
        url: "https://api.example.com/e/k3y%2Fsecret",
        requestId: "1000000-abababababababababababababababab",
        body: [
          { name: "app/a", data: { at: "1970-01-01T00:00:00.000Z" }, ts: 5, id: "i", v: "1" },
          { name: "app/b", data: {} },
        ],
      },
    ]);
  });

  it("sends nothing for an empty list, whatever is configured", async () => {
    const { client, requests } = setup([accepted], { NODE_ENV: "production" });
    expect(await client.send([])).toEqual({ ids: [] });
    expect(requests).toEqual([]);
  });

  it("repeats a failed request five times under one request id, waiting longer each time", async () => {
    const { client, requests, settle } = setup([{ status: 503, body: "busy" }], configured);
    const error = await failure(settle(client.send(event)));
    expect(error.code).toBe("SEND_UNREACHABLE");
    expect(error.retryable).toBe(true);
    expect(error.message).toBe(
      'Cannot send events: 6 attempts failed, the last one with "HTTP 503"; expected an answer',
    );
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 100, 300, 700, 1_500, 3_100]);
    expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(1);
  });

  it.each([
    ["a network error", new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ECONNRESET" }) })],
    ["HTTP 429", { status: 429, body: "" }],
    ["HTTP 500", { status: 500, body: "<html>" }],
    ["HTTP 504", { status: 504, body: { message: "Endpoint request timed out" } }],
  ] as const)("goes on after %s", async (_, answer) => {
    const { client, requests, settle } = setup([answer, accepted], configured);
    expect(await settle(client.send(event))).toEqual({ ids: ["01"] });
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 100]);
  });

  it("waits as long as Retry-After asks, up to half a minute", async () => {
    const busy = (after: string): Answer => ({ status: 429, body: "", headers: { "retry-after": after } });
    const { client, requests, settle } = setup([busy("2"), busy("86400"), busy("soon"), accepted], configured);
    await settle(client.send(event));
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 2_000, 32_000, 32_400]);
  });

  it("gives up on an attempt that is not answered within 30 s", async () => {
    const { client, requests, settle, clock } = setup(["hang", accepted], configured);
    expect(await settle(client.send(event))).toEqual({ ids: ["01"] });
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 30_100]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("says what kept it from an answer, by code alone", async () => {
    const cause = Object.assign(new Error(`connect to https://x/e/${SECRET}`), { code: "ECONNREFUSED" });
    const { client, settle } = setup([new TypeError("fetch failed", { cause })], configured);
    const error = await failure(settle(client.send(event)));
    expect(error.message).toContain('"ECONNREFUSED"');
  });

  it("throws the API's own error at once when it refuses", async () => {
    const body = { error: { code: "EVENT_TOO_LARGE", message: "Cannot accept event 0: …", remedy: "Send less." } };
    const { client, requests, settle } = setup([{ status: 413, body }], configured);
    const error = await failure(settle(client.send(event)));
    expect(error).toMatchObject({
      code: "EVENT_TOO_LARGE",
      message: "Cannot accept event 0: …",
      remedy: "Send less.",
      status: 413,
      retryable: false,
    });
    expect(requests.length).toBe(1);
  });

  it("keeps the API's error as the cause when all attempts fail", async () => {
    const body = { error: { code: "THROTTLED", message: "Too many", remedy: "Wait." } };
    const { client, settle } = setup([{ status: 429, body }], configured);
    const error = await failure(settle(client.send(event)));
    expect(error.cause).toMatchObject({ code: "THROTTLED", retryable: true });
  });

  it.each([
    ["a page", { status: 200, body: "<html>hello</html>" }],
    ["no ids", { status: 200, body: { ok: true } }],
    ["too few ids", { status: 200, body: { ids: [] } }],
    ["ids that are not text", { status: 200, body: { ids: [1] } }],
    ["a redirect", { status: 301, body: "" }],
    ["not found", { status: 404, body: { message: "Not Found" } }],
  ] as const)("takes %s for another server and does not repeat the request", async (_, answer) => {
    const { client, requests, settle } = setup([answer], configured);
    const error = await failure(settle(client.send(event)));
    expect(error.code).toBe("SEND_REFUSED");
    expect(error.message).toContain(`HTTP ${answer.status}`);
    expect(requests.length).toBe(1);
  });

  it("bounds what a hostile answer puts into an error", async () => {
    const body = { error: { code: "C".repeat(1e6), message: "M".repeat(1e6), remedy: "R".repeat(1e6) } };
    const { client, settle } = setup([{ status: 400, body }], configured);
    const error = await failure(settle(client.send(event)));
    expect([error.code.length, error.message.length, error.remedy.length]).toEqual([1_000, 1_000, 1_000]);
  });

  it("checks every event before it sends any", async () => {
    const strict = eventType("app/strict", { schema: schemaOf<{ ok: boolean }>((data) => data.ok === true) });
    const { client, requests } = setup([accepted], configured);
    const error = await failure(client.send([event, strict.create({ ok: true }), strict.create({ ok: false })]));
    expect(error.code).toBe("EVENT_DATA_INVALID");
    expect(requests).toEqual([]);
  });
});

describe("where send() sends to", () => {
  const target = async (environment: Record<string, string>, options: object = {}): Promise<string> => {
    const { client, requests, settle } = setup([accepted], environment, options);
    await settle(client.send(event));
    return requests[0]?.url ?? "";
  };

  it("is the dev server when nothing is configured", async () => {
    expect(await target({})).toBe("http://localhost:8288/e/dev");
    expect(await target({ PERDURE_URL: "", PERDURE_EVENT_KEY: "" })).toBe("http://localhost:8288/e/dev");
  });

  it("is what the environment says, and before it what the options say", async () => {
    const environment = { PERDURE_URL: "https://a.example", PERDURE_EVENT_KEY: "k1" };
    expect(await target(environment)).toBe("https://a.example/e/k1");
    expect(await target(environment, { eventKey: "k2" })).toBe("https://a.example/e/k2");
    expect(await target(environment, { eventKey: "k2", baseUrl: "https://b.example/stage//" })).toBe(
      "https://b.example/stage/e/k2",
    );
  });

  it.each([
    ["a URL without a key", { PERDURE_URL: "https://a.example" }, {}, "there is a base URL but no event key"],
    ["a key without a URL", { PERDURE_EVENT_KEY: SECRET }, {}, "there is an event key but no base URL"],
    ["a key option alone", {}, { eventKey: SECRET }, "there is an event key but no base URL"],
    ["a URL that is none", { PERDURE_URL: "a b", PERDURE_EVENT_KEY: SECRET }, {}, "PERDURE_URL is not a URL"],
    [
      "nothing, inside Lambda",
      { AWS_LAMBDA_FUNCTION_NAME: "worker" },
      {},
      "there is neither a base URL nor an event key, and this is not a laptop",
    ],
    [
      "nothing, in production",
      { NODE_ENV: "production" },
      {},
      "there is neither a base URL nor an event key, and this is not a laptop",
    ],
  ])("is an error for %s, never localhost", async (_, environment: Record<string, string>, options, is) => {
    const { client, requests } = setup([accepted], environment, options);
    const error = await failure(client.send(event));
    expect(error.message).toBe(`Cannot send events: ${is}; expected both a base URL and an event key`);
    expect(requests).toEqual([]);
  });
});

describe("sendSignal()", () => {
  const received: Answer = { status: 200, body: { data: { runId: "shop_1" } } };

  it("posts the signal with the event key as Bearer token, and answers with the run that received it", async () => {
    const { client, requests, settle } = setup([received], configured);
    expect(await settle(client.sendSignal({ signal: "go", data: { at: new Date(0) } }))).toEqual({ runId: "shop_1" });
    expect(requests).toMatchObject([
      {
        url: "https://api.example.com/api/v1/signals",
        body: { signal: "go", data: { at: "1970-01-01T00:00:00.000Z" } },
      },
    ]);
  });

  it("answers without a run when none waits", async () => {
    const { client, requests, settle } = setup([{ status: 200, body: { data: { runId: null } } }], configured);
    expect(await settle(client.sendSignal({ signal: "go" }))).toEqual({});
    expect(requests).toMatchObject([{ body: { signal: "go", data: null } }]);
  });

  it("repeats what failed on the way under the same request id", async () => {
    const { client, requests, settle } = setup([new Error("reset"), { status: 503 }, received], configured);
    expect(await settle(client.sendSignal({ signal: "go" }))).toEqual({ runId: "shop_1" });
    expect(requests.map(({ requestId }) => requestId)).toEqual(Array(3).fill(requests[0]?.requestId));
  });

  it("does not show the key when it is refused, nor takes another service's answer for one", async () => {
    const refusal = { error: { code: "UNKNOWN_EVENT_KEY", message: "no", remedy: "yes" } };
    const { client, settle } = setup(
      [
        { status: 401, body: refusal },
        { status: 200, body: "<html>" },
      ],
      configured,
    );
    expect((await settle(failure(client.sendSignal({ signal: "go" })))).code).toBe("UNKNOWN_EVENT_KEY");
    expect((await settle(failure(client.sendSignal({ signal: "go" })))).code).toBe("SEND_REFUSED");
  });

  it.each([
    ["an empty name", { signal: "" }, "its name is not usable; expected text of 1 to 256 characters"],
    ["a long name", { signal: "x".repeat(257) }, "its name is not usable; expected text of 1 to 256 characters"],
    ["data without JSON", { signal: "go", data: 1n }, "its data has no JSON: Do not know how to serialize a BigInt"],
    [
      "large data",
      { signal: "go", data: "x".repeat(262_144) },
      "its data has 262146 bytes of JSON; expected at most 262144",
    ],
  ])("refuses %s before anything is sent", async (_, signal, is) => {
    const { client, requests } = setup([received], configured);
    expect((await failure(client.sendSignal(signal))).message).toContain(`Cannot send signal: ${is}`);
    expect(requests).toEqual([]);
  });

  it("needs no address and no key in a worker", async () => {
    const { client, requests } = setup([received], {});
    client.signalThrough((signal, data) => Promise.resolve({ runId: `${signal} ${JSON.stringify(data)}` }));
    expect(await client.sendSignal({ signal: "go", data: [1] })).toEqual({ runId: "go [1]" });
    expect(requests).toEqual([]);
  });
});
