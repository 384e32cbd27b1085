/**
 * Goal: `perdure.send` inside a deployed worker needs neither address nor key; an address that is set is where events go.
 * Method: a client with a queue given to it as a worker's host does, and an environment of the test's own.
 */
import { expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { Perdure } from "../../sdk/client.js";
import type { OutgoingEvent } from "../../sdk/protocol.js";

function worker(environment: Record<string, string>, options: { baseUrl?: string; eventKey?: string } = {}) {
  const posted: string[] = [];
  const queued: OutgoingEvent[] = [];
  const perdure = new Perdure(
    { id: "shop", ...options },
    {
      clock: new VirtualClock({ startMs: 0 }),
      random: seededRandom(1),
      environment: () => ({ AWS_LAMBDA_FUNCTION_NAME: "worker", ...environment }),
      fetch: async (url) => {
        posted.push(url);
        return { status: 200, headers: { get: () => null }, text: async () => '{"ids":["by-http"],"status":200}' };
      },
    },
  );
  perdure.sendThrough(async (events) => {
    queued.push(...events);
    return { ids: events.map(() => "by-queue") };
  });
  return { perdure, posted, queued };
}

it("goes to the queue when nothing is configured", async () => {
  const { perdure, posted, queued } = worker({});
  expect(await perdure.send({ name: "shop/x", data: { n: 1 } })).toEqual({ ids: ["by-queue"] });
  expect(queued).toMatchObject([{ name: "shop/x", data: { n: 1 } }]);
  expect(posted).toEqual([]);
});

it("goes to the address of the environment, or of the client's options, when there is one", async () => {
  const configured = worker({ PERDURE_URL: "https://api.example", PERDURE_EVENT_KEY: "k" });
  expect(await configured.perdure.send({ name: "shop/x", data: {} })).toEqual({ ids: ["by-http"] });
  const given = worker({}, { baseUrl: "https://other.example", eventKey: "k" });
  expect(await given.perdure.send({ name: "shop/x", data: {} })).toEqual({ ids: ["by-http"] });
  expect([configured.posted, given.posted]).toEqual([["https://api.example/e/k"], ["https://other.example/e/k"]]);
  expect([configured.queued, given.queued]).toEqual([[], []]);
});

it("checks events before they go to the queue", async () => {
  const { perdure, queued } = worker({});
  await expect(perdure.send({ name: "", data: {} })).rejects.toMatchObject({ name: "PerdureError" });
  expect(queued).toEqual([]);
});
