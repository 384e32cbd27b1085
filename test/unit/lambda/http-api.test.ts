/**
 * Goal: requests reach functions, and answers callers, in API Gateway's payload format 2.0 and by its rules.
 * Method: `dispatch` with toy handlers that give back the event they got, or answer in each allowed form.
 */
import { describe, expect, it } from "vitest";
import { HttpApi } from "../../../local/lambda/http-api.js";
import type { HttpRequest, HttpResponse } from "../../../local/lambda/http-message.js";
import type { FunctionSettings, LambdaHandler } from "../../../local/lambda/invocation.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { functionWorld } from "./world.js";

const ROUTES = ["POST /e/{eventKey}", "ANY /api/v1/{proxy+}", "GET /api/v1/fixed", "GET /health"];

function setup(handler: LambdaHandler, settings: Partial<FunctionSettings> = {}) {
  const { clock, target } = functionWorld(() => handler, settings);
  const problems: string[] = [];
  const api = new HttpApi(
    ROUTES.map((route) => ({ route, target })),
    { clock, random: seededRandom(3), onProblem: (routeKey, error) => problems.push(`${routeKey} ${error.errorType}`) },
  );
  const send = (method: string, path: string, more: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
    api.dispatch({ method, target: path, headers: {}, ...more });
  return { clock, target, send, problems };
}

const echo: LambdaHandler = (event) => ({ statusCode: 200, body: JSON.stringify(event) });
const json = (response: HttpResponse): unknown => JSON.parse(Buffer.from(response.body).toString());
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe("HttpApi.dispatch()", () => {
  it("gives the function payload format 2.0", async () => {
    const { send } = setup(echo);
    const response = await send("POST", "/e/my%20key?a=1&a=2&b=%C3%A9&c", {
      headers: {
        Host: "localhost:8288",
        "Content-Type": "application/json",
        "X-Twice": ["1", "2"],
        Cookie: "s=1; t=2",
        "User-Agent": "curl/8",
      },
      body: bytes('{"name":"é"}'),
    });
    expect(json(response)).toEqual({
      version: "2.0",
      routeKey: "POST /e/{eventKey}",
      rawPath: "/e/my key",
      rawQueryString: "a=1&a=2&b=%C3%A9&c",
      cookies: ["s=1", "t=2"],
      headers: { host: "localhost:8288", "content-type": "application/json", "x-twice": "1,2", "user-agent": "curl/8" },
      queryStringParameters: { a: "1,2", b: "é", c: "" },
      pathParameters: { eventKey: "my key" },
      requestContext: {
        accountId: "000000000000",
        apiId: "perdure",
        domainName: "localhost:8288",
        domainPrefix: "perdure",
        http: { method: "POST", path: "/e/my key", protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "curl/8" },
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        routeKey: "POST /e/{eventKey}",
        stage: "$default",
        time: "01/Jan/2026:00:00:00 +0000",
        timeEpoch: 1_767_225_600_000,
      },
      body: '{"name":"é"}',
      isBase64Encoded: false,
    });
  });

  it("leaves out what a request does not have", async () => {
    const { send } = setup(echo);
    const event = json(await send("GET", "/health"));
    expect(event).not.toHaveProperty("body");
    expect(event).not.toHaveProperty("cookies");
    expect(event).not.toHaveProperty("queryStringParameters");
    expect(event).not.toHaveProperty("pathParameters");
    expect(event).toMatchObject({ rawQueryString: "", isBase64Encoded: false });
  });

  it("sends a body that is no text as base64, curl's default content type among them", async () => {
    const { send } = setup(echo);
    for (const type of ["application/x-www-form-urlencoded", "application/octet-stream"]) {
      const headers = { "content-type": type };
      expect(json(await send("POST", "/e/dev", { headers, body: bytes("{}") }))).toMatchObject({
        body: "e30=",
        isBase64Encoded: true,
      });
    }
    const notUtf8 = await send("POST", "/e/dev", {
      headers: { "content-type": "application/json" },
      body: new Uint8Array([0xff, 0xfe]),
    });
    expect(json(notUtf8)).toMatchObject({ body: "//4=", isBase64Encoded: true });
    expect(json(await send("POST", "/e/dev", { body: bytes("{}") }))).toMatchObject({ body: "{}" });
  });

  it("takes the greedy variable whole, and an exact route before it", async () => {
    const { send } = setup(echo);
    expect(json(await send("DELETE", "/api/v1/runs/r1/steps"))).toMatchObject({
      routeKey: "ANY /api/v1/{proxy+}",
      pathParameters: { proxy: "runs/r1/steps" },
    });
    expect(json(await send("GET", "/api/v1/fixed"))).toMatchObject({ routeKey: "GET /api/v1/fixed" });
    expect(json(await send("POST", "/api/v1/fixed"))).toMatchObject({ routeKey: "ANY /api/v1/{proxy+}" });
  });

  it("answers 404 for what no route takes and 400 for a malformed escape", async () => {
    const { send } = setup(echo);
    for (const [method, path] of [
      ["GET", "/e/dev"],
      ["POST", "/e"],
      ["POST", "/e/"],
      ["POST", "/e/dev/more"],
      ["GET", "/api/v1/"],
      ["GET", "/"],
    ] as const) {
      const response = await send(method, path);
      expect([response.status, json(response)]).toEqual([404, { message: "Not Found" }]);
    }
    expect((await send("POST", "/e/%zz")).status).toBe(400);
  });

  it("answers 413 over 10 MB, and over the 6 MB an invocation can carry", async () => {
    const { send } = setup(echo);
    const body = (size: number): Partial<HttpRequest> => ({ body: new Uint8Array(size).fill(97) });
    const tooLarge = await send("POST", "/e/dev", body(10_485_761));
    expect([tooLarge.status, json(tooLarge)]).toEqual([413, { message: "Request Entity Too Large" }]);
    expect((await send("POST", "/e/dev", body(7_000_000))).status).toBe(413);
    expect((await send("GET", "/health", { headers: { x: "y".repeat(10_240) } })).status).toBe(431);
  });

  it("maps a plain value to 200 JSON and a full answer to itself", async () => {
    let answer: unknown = { plain: true };
    const { send } = setup(() => answer);
    const plain = await send("GET", "/health");
    expect([plain.status, plain.headers, json(plain)]).toEqual([
      200,
      { "content-type": "application/json" },
      { plain: true },
    ]);
    answer = {
      statusCode: 201,
      headers: { "X-A": 1, "Content-Type": "image/png" },
      cookies: ["a=1", "b=2"],
      body: "AQID",
      isBase64Encoded: true,
    };
    expect(await send("GET", "/health")).toEqual({
      status: 201,
      headers: { "x-a": "1", "content-type": "image/png" },
      cookies: ["a=1", "b=2"],
      body: Buffer.from([1, 2, 3]),
    });
    answer = { statusCode: "none" };
    expect((await send("GET", "/health")).status).toBe(500);
  });

  it("answers 500 when the function throws, and says why to the operator only", async () => {
    const { send, problems } = setup(() => {
      throw new RangeError("secret");
    });
    const response = await send("GET", "/health");
    expect([response.status, json(response)]).toEqual([500, { message: "Internal Server Error" }]);
    expect(problems).toEqual(["GET /health RangeError"]);
  });

  it("answers 503 after 30 seconds, and when the function is throttled", async () => {
    const { send, clock } = setup(() => new Promise(() => undefined), { timeoutMs: 60_000, maxConcurrency: 1 });
    const slow = send("GET", "/health");
    await clock.settle();
    expect((await send("GET", "/health")).status).toBe(503);
    await clock.advance(30_000);
    const response = await slow;
    expect([response.status, json(response)]).toEqual([503, { message: "Service Unavailable" }]);
  });
});
