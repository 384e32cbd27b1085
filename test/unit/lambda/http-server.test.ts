/**
 * Goal: a real socket carries requests to the HttpApi and its answers back, whatever the client sends.
 * Method: a listener on a free loopback port, a function that echoes, the platform's own fetch.
 */
import { afterEach, expect, it } from "vitest";
import { HttpApi } from "../../../local/lambda/http-api.js";
import { listenHttp } from "../../../local/lambda/http-server.js";
import type { HttpListener } from "../../../local/lambda/http-server.js";
import { inProcessSandboxes } from "../../../local/lambda/in-process-sandbox.js";
import { LambdaFunction } from "../../../local/lambda/lambda-function.js";
import { realClock, realRandom } from "../../../sdk/clock.js";

const listeners: HttpListener[] = [];
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
});

async function setup(handler: (event: unknown) => unknown): Promise<string> {
  const target = new LambdaFunction(
    { name: "echo", timeoutMs: 5_000, memoryMb: 128, maxConcurrency: 5 },
    {
      clock: realClock,
      random: realRandom,
      sandboxes: inProcessSandboxes({ clock: realClock, createHandler: () => handler }),
    },
  );
  const api = new HttpApi([{ route: "POST /e/{eventKey}", target }], { clock: realClock, random: realRandom });
  const listener = await listenHttp(api, { port: 0, host: "127.0.0.1" });
  listeners.push(listener);
  return `http://127.0.0.1:${listener.port}`;
}

it("carries a request and its answer", async () => {
  const url = await setup((event) => ({
    statusCode: 202,
    headers: { "x-answer": "yes", "content-type": "application/json" },
    cookies: ["a=1", "b=2"],
    body: JSON.stringify(event),
  }));
  const response = await fetch(`${url}/e/dev?q=1`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"name":"é"}',
  });
  expect([response.status, response.headers.get("x-answer"), response.headers.getSetCookie()]).toEqual([
    202,
    "yes",
    ["a=1", "b=2"],
  ]);
  expect(await response.json()).toMatchObject({ rawPath: "/e/dev", rawQueryString: "q=1", body: '{"name":"é"}' });
});

it("answers 413 to a body over the limit, with and without its length declared", async () => {
  const url = await setup(() => "never");
  const large = new Uint8Array(10_485_761);
  expect((await fetch(`${url}/e/dev`, { method: "POST", body: large })).status).toBe(413);
  const chunked = new Blob([large]).stream();
  const response = await fetch(`${url}/e/dev`, { method: "POST", body: chunked, duplex: "half" });
  expect(response.status).toBe(413);
});

it("leaves out a header HTTP does not allow and refuses a port in use", async () => {
  const url = await setup(() => ({ statusCode: 200, headers: { "bad name": "x", good: "y" }, body: "ok" }));
  const response = await fetch(`${url}/e/dev`, { method: "POST" });
  expect([response.status, response.headers.get("good"), await response.text()]).toEqual([200, "y", "ok"]);
  const api = new HttpApi([], { clock: realClock, random: realRandom });
  const taken = listenHttp(api, { port: Number(new URL(url).port), host: "127.0.0.1" });
  await expect(taken).rejects.toMatchObject({ code: "EADDRINUSE" });
});
