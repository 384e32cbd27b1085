/**
 * Goal: an event tells what became of it, its runs are those it started, and functions are listed as registered.
 * Method: events recorded through the store with literal routes; apps registered as workers register them.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventStore, type Route } from "../../../runtime/state/event-store.js";
import type { StoredEvent } from "../../../sdk/protocol.js";
import { createWorld, eventId, NOW_MS, register, runId, type World } from "./world.js";

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

async function record(
  number: number,
  routes: Route[],
  more: Partial<StoredEvent> = {},
  senderId?: string,
): Promise<string> {
  const id = eventId(number);
  const event = { name: "shop/paid", data: { cents: 995 }, id: senderId ?? id, ts: NOW_MS - 5, ...more };
  const accepted = { id, receivedAtMs: NOW_MS, event, ...(senderId === undefined ? {} : { senderId }) };
  await new EventStore(world.services).record(accepted, routes, NOW_MS / 1_000 + 86_400);
  return id;
}

describe("GET /api/v1/events/:id", () => {
  it("shows an event as it was received", async () => {
    const id = await record(1, [{ app: "shop", fn: "checkout", run: runId(1) }]);
    expect(await world.ask(`/api/v1/events/${id}`)).toMatchObject({ status: 200 });
    expect((await world.ask(`/api/v1/events/${id}`)).body).toEqual({
      data: {
        id: "01KK0000000000000000000001",
        senderId: null,
        name: "shop/paid",
        data: { cents: 995 },
        ts: 1_773_143_999_995,
        v: null,
        receivedAt: "2026-03-10T12:00:00.000Z",
        routes: [{ appId: "shop", functionId: "checkout", runId: runId(1), skipped: null }],
      },
    });
  });

  it("says why a function that matched got no run of its own", async () => {
    const skipped: Route = { app: "shop", fn: "mail", skipped: "duplicate", run: runId(7) };
    const id = await record(1, [skipped], { v: "2" }, "order-17");
    expect((await world.ask(`/api/v1/events/${id}`)).body.data).toMatchObject({
      senderId: "order-17",
      v: "2",
      routes: [{ appId: "shop", functionId: "mail", runId: runId(7), skipped: "duplicate" }],
    });
  });

  it("shows an event nothing listens to, and one of a megabyte", async () => {
    const unheard = await record(1, []);
    expect((await world.ask(`/api/v1/events/${unheard}`)).body.data).toMatchObject({ routes: [] });
    const text = "é".repeat(500_000);
    const large = await record(2, [], { data: { text } });
    expect((await world.ask(`/api/v1/events/${large}`)).body.data).toMatchObject({ data: { text } });
  });

  it("answers NOT_FOUND for an id nobody has, and for a sender's id", async () => {
    await record(1, [], {}, "order-17");
    for (const id of [eventId(2), "order-17"]) {
      const reply = await world.ask(`/api/v1/events/${id}`);
      expect(reply.status).toBe(404);
      expect(reply.body.error?.message).toBe(`Cannot find event "${id}": there is none; expected one that exists`);
      expect((await world.ask(`/api/v1/events/${id}/runs`)).status).toBe(404);
    }
  });
});

describe("GET /api/v1/events/:id/runs", () => {
  it("shows the runs the event started, in the order of its functions", async () => {
    const runs = [await world.createRun(5), await world.createRun(3, { functionId: "mail" })];
    const [checkout = "", mail = ""] = runs;
    await world.claim(mail);
    await world.complete(mail, "sent");
    const id = await record(1, [
      { app: "shop", fn: "checkout", run: checkout },
      { app: "shop", fn: "mail", run: mail },
    ]);
    expect((await world.ask(`/api/v1/events/${id}/runs`)).body.data).toMatchObject([
      { id: checkout, functionId: "checkout", status: "Queued", output: null },
      { id: mail, functionId: "mail", status: "Completed", output: "sent" },
    ]);
  });

  it("leaves out the run of an earlier event, and one that does not exist yet", async () => {
    const earlier = await world.createRun(1);
    const id = await record(1, [
      { app: "shop", fn: "checkout", skipped: "duplicate", run: earlier },
      { app: "shop", fn: "mail", run: runId(2) },
    ]);
    expect((await world.ask(`/api/v1/events/${id}/runs`)).body).toEqual({ data: [] });
  });

  it("is empty for an event nothing listens to", async () => {
    const id = await record(1, []);
    expect((await world.ask(`/api/v1/events/${id}/runs`)).body).toEqual({ data: [] });
  });

  it("shows more runs than one batch read holds", async () => {
    const numbers = Array.from({ length: 130 }, (_, index) => index + 1);
    for (const number of numbers) await world.createRun(number);
    const id = await record(
      1,
      numbers.map((number) => ({ app: "shop", fn: `fn-${number}`, run: runId(number) })),
    );
    const reply = await world.ask(`/api/v1/events/${id}/runs`);
    expect(reply.body.data).toMatchObject(numbers.map((number) => ({ id: runId(number) })));
  });
});

describe("GET /api/v1/functions", () => {
  it("is empty before anything is registered", async () => {
    expect((await world.ask("/api/v1/functions")).body).toEqual({ data: [] });
  });

  it("lists functions by app and id, and follows a new registration", async () => {
    await register(world, "shop", ["mail", "checkout"]);
    await register(world, "crm", ["mail"]);
    const reply = await world.ask("/api/v1/functions");
    expect(reply.body.data).toEqual([
      {
        id: "mail",
        appId: "crm",
        name: "The mail",
        triggers: [{ event: "crm/mail" }],
        retries: 4,
        version: expect.stringMatching(/^[\w-]{22}$/),
        registeredAt: "2026-03-10T12:00:00.000Z",
      },
      expect.objectContaining({ id: "checkout", appId: "shop" }),
      expect.objectContaining({ id: "mail", appId: "shop" }),
    ]);
    await world.clock.advance(60_000);
    await register(world, "shop", ["checkout"]);
    expect((await world.ask("/api/v1/functions")).body.data).toMatchObject([
      { id: "mail", appId: "crm", registeredAt: "2026-03-10T12:00:00.000Z" },
      { id: "checkout", appId: "shop", registeredAt: "2026-03-10T12:01:00.000Z" },
    ]);
  });
});
