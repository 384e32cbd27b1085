/**
 * Goal: what the stores write they read back, whatever text and data is in it; an item that other hands have changed is refused
 * by who reads it, in bounded time, and holds up nobody else.
 * Method: every kind of item written and read with hostile contents; items of a live run bent in the table, one attribute at
 * a time, beside a run that is sound.
 */
import fc from "fast-check";
import { PutItemCommand, type AttributeValue } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stepHash, ulid } from "../../runtime/core/ids.js";
import { planMatch } from "../../runtime/expressions/match-plan.js";
import { CancellationStore } from "../../runtime/state/cancellation-store.js";
import { EventStore } from "../../runtime/state/event-store.js";
import { GateStore } from "../../runtime/state/gate-store.js";
import { readHead } from "../../runtime/state/head-item.js";
import { InboxStore, readArrival } from "../../runtime/state/inbox-store.js";
import { dedupKey, idempotencyKey } from "../../runtime/state/keys.js";
import { LogStore } from "../../runtime/state/log-store.js";
import { packInline } from "../../runtime/state/payloads.js";
import { SignalStore } from "../../runtime/state/signal-store.js";
import { keyOf, WaiterStore, type NewWaiter } from "../../runtime/state/waiter-store.js";
import { Perdure } from "../../sdk/client.js";
import type { Json, LogEntry } from "../../sdk/protocol.js";
import { itemsOf, type Item } from "../scenario/hands.js";
import { HOUR, MINUTE, Scenario } from "../scenario/world.js";
import { createWorld, eventId, NOW_MS, runId, type World } from "../unit/api/world.js";
import { always } from "./fuzz.js";
import { hostileJson, hostileObject, hostileText } from "./hostile.js";

let world: World;
let count = 0;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

/** A run's id, an event's id that nobody has had yet. */
const nextRun = (): string => runId((count += 1));
const nextEvent = (): string => ulid(NOW_MS, Buffer.from(String((count += 1)).padStart(10, "0")));

const TTL = NOW_MS / 1_000 + 1_000;
const stored = (value: unknown): Json => JSON.parse(JSON.stringify(value) ?? "null");
const filled = hostileText.filter((text) => text.length > 0 && text.length <= 256);
const eventName = filled.filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
const json = hostileJson.map(stored);

describe("what is written is read back", () => {
  it("log entries, in their order", async () => {
    const entry = fc.tuple(filled, json, hostileText).map(([id, ok, message]): LogEntry[] => [
      { k: "done", kind: "run", id, i: 0, a: 1, ok, fromMs: 1, atMs: 2 },
      { k: "failed", kind: "run", id, i: 1, a: 1, err: { name: "E", message }, fromMs: 1, atMs: 2, retryAtMs: 3 },
      { k: "op", id, i: 2, atMs: 1, op: { kind: "signal", untilMs: 5, signal: id, onConflict: "fail" } },
      { k: "seen", id, i: 2, atMs: 2, ok },
    ]);
    await always(entry, 80, async (entries) => {
      const id = nextRun();
      await world.createRun(0, { runId: id });
      await world.append(id, 1, 1, entries);
      expect((await new LogStore(world.services).load(id))?.entries).toEqual(entries);
    });
  });

  it("events, with their senders' ids and all their data", async () => {
    const store = new EventStore(world.services);
    await always(fc.tuple(eventName, hostileObject, filled), 150, async ([name, data, senderId]) => {
      const id = nextEvent();
      const event = { name, data: stored(data) as { [key: string]: Json }, id: senderId, ts: NOW_MS };
      await store.record({ id, receivedAtMs: NOW_MS, event, senderId }, [], TTL);
      const record = await store.get(id);
      expect(record).toMatchObject({ id, name, senderId, receivedAtMs: NOW_MS });
      if (record) expect(JSON.stringify(await store.unpack(record.payload))).toBe(JSON.stringify(event));
    });
  });

  it("arrivals, of which the first stays", async () => {
    const store = new InboxStore(world.services);
    await always(fc.tuple(filled, json, hostileText), 150, async ([step, ok, message]) => {
      const [id, op] = [nextRun(), stepHash(step, 0)];
      await store.put(id, op, { why: "answer", by: "first", ok: packInline(JSON.stringify(ok)) }, TTL);
      const late = await store.put(id, op, { why: "answer", by: "late", err: { name: "E", message } }, TTL);
      expect(late.first).toBe(false);
      expect(await store.open(late.standing)).toEqual({ ok });
      await store.put(id, stepHash(step, 1), { why: "answer", by: "b", err: { name: "E", message } }, TTL);
      expect(await store.get(id, stepHash(step, 1))).toMatchObject({ err: { message } });
    });
  });

  it("gates: the same text is the same gate, any other another", async () => {
    const store = new GateStore(world.services);
    await always(fc.tuple(filled, filled), 150, async ([a, b]) => {
      const fn = `f${(count += 1)}`;
      const gate = (value: string): Parameters<GateStore["take"]>[1][number] => ({
        key: idempotencyKey("shop", fn, "event.data.id", value),
        why: "idempotent",
      });
      expect(await store.take("first", [gate(a)], TTL)).toBeNull();
      expect(await store.take("second", [gate(b)], TTL)).toEqual(a === b ? { why: "idempotent", by: "first" } : null);
      expect(dedupKey("shop", fn, a)).not.toEqual(gate(a).key);
    });
  });

  it("waiters, found by exactly the values they wait for", async () => {
    const store = new WaiterStore(world.services);
    await always(
      fc.tuple(
        eventName,
        hostileJson,
        fc.constantFrom(
          undefined,
          "async.data.x == event.data.x",
          "async.data.x == event.data.x && async.data.y != event.data.y",
        ),
      ),
      120,
      async ([name, x, expression]) => {
        const plan = planMatch(expression, { data: { x, y: x } });
        if (plan === null) return;
        const run = nextRun();
        const waiter: NewWaiter = {
          app: "shop",
          eventName: name,
          plan,
          slot: stepHash("w", 0),
          run,
          fn: "f",
          op: stepHash("w", 0),
          afterMs: NOW_MS,
          untilMs: NOW_MS + 1_000,
          fromPlace: 0,
          excluded: [eventId(1)],
          trigger: eventId(1),
        };
        await store.put(waiter);
        const { waiters } = await store.page(keyOf(waiter).pk, null);
        const found = waiters.find((one) => one.run === run);
        expect(found).toMatchObject({ fn: "f", op: waiter.op, excluded: [eventId(1)] });
        const { trigger: _own, ...rest } = found?.rest ?? { trigger: "" };
        expect(rest).toEqual(plan.rest === null ? {} : stored(plan.rest));
        expect(
          (await store.shapesOf(name)).some(({ fields }) => JSON.stringify(fields) === JSON.stringify(plan.fields)),
        ).toBe(true);
      },
    );
  });

  it("who waits for a signal, and what a sending was aimed at", async () => {
    const store = new SignalStore(world.services);
    await always(fc.tuple(filled, filled), 120, async ([signal, token]) => {
      const name = `${signal}${(count += 1)}`;
      const target = { run: nextRun(), op: stepHash(signal, 0) };
      await store.take(name, { ...target, fn: "f", askedAtMs: NOW_MS, untilMs: NOW_MS + 1_000_000, replaced: [] }, TTL);
      expect(await store.waiting(name)).toMatchObject(target);
      const aimed = await store.aim(name, token, target, { missed: null, ttlSeconds: TTL });
      expect(await store.aim(name, token, null, { missed: null, ttlSeconds: TTL })).toEqual(aimed);
      expect(await store.waiting(`${name} `)).toBeNull();
    });
  });

  it("bulk cancels with their conditions", async () => {
    const store = new CancellationStore(world.services);
    await always(filled, 80, async (text) => {
      const request = {
        id: nextEvent(),
        appId: "shop",
        functionId: "f",
        fromMs: 1,
        toMs: 2,
        condition: `event.data.x == ${JSON.stringify(text)}`,
        createdAtMs: 3,
      };
      await store.create(request, "place", TTL);
      expect(await store.get(request.id)).toMatchObject(request);
    });
  });
});

/** Attributes as DynamoDB may hold them. */
const attribute: fc.Arbitrary<AttributeValue> = fc.oneof(
  hostileText.map((text): AttributeValue => ({ S: text.replace(/\p{Cs}/gu, "") })),
  hostileJson.map((value): AttributeValue => ({ S: JSON.stringify(value) })),
  fc.constantFrom("0", "-1", "1e30", "0.5", "99999999999").map((N): AttributeValue => ({ N })),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).map((B): AttributeValue => ({ B })),
  fc.constantFrom<AttributeValue>(
    { NULL: true },
    { BOOL: false },
    { M: {} },
    { L: [] },
    { L: [{ S: "timer" }, { N: "1" }] },
    { M: { key: { S: "runs/none" }, jsonBytes: { N: "5" } } },
  ),
);

describe("an item that other hands have changed", () => {
  it("is read as what it says, or refused with an error", async () => {
    const id = nextRun();
    await world.createRun(0, { runId: id });
    const [head] = await headOf(id);
    const arrival: Item = { pk: { S: "p" }, sk: { S: "IN#x" }, why: { S: "event" }, by: { S: "b" }, ok: { S: "1" } };
    const change = fc.tuple(fc.constantFrom(...Object.keys(head ?? {}), ...Object.keys(arrival)), fc.option(attribute));
    await always(change, 1_000, ([name, value]) => {
      for (const [item, read] of [
        [head ?? {}, readHead],
        [arrival, readArrival],
      ] as const) {
        const { [name]: _before, ...rest } = item;
        try {
          read(value === null ? rest : { ...rest, [name]: value });
        } catch (error) {
          // Not a stack that ran over: an error that says so.
          expect(error).toSatisfy((one) => one instanceof TypeError || one instanceof SyntaxError);
        }
      }
    });
  });

  async function headOf(id: string): Promise<Item[]> {
    const { GetItemCommand } = await import("@aws-sdk/client-dynamodb");
    const Key = { pk: { S: `shop#RUN#${id}` }, sk: { S: "RUN" } };
    const answer = await world.services.clients.dynamodb.send(
      new GetItemCommand({ TableName: world.services.settings.tableName, Key }),
    );
    return answer.Item ? [answer.Item] : [];
  }

  it("holds up its own run alone, in dispatch, in the worker, in the sweeper", async () => {
    const client = new Perdure({ id: "shop" });
    const fn = client.createFunction({ id: "naps", triggers: { event: "shop/nap" } }, async ({ step, event }) => {
      await step.run("before", () => 1);
      await step.waitForEvent("wait", { event: "shop/go", if: "async.data.n == event.data.n", timeout: "20m" });
      return step.run("after", () => event.data["n"] ?? null);
    });
    const change = fc.record({ item: fc.nat(), attribute: fc.nat(), value: attribute });
    await always(fc.array(change, { minLength: 1, maxLength: 3 }), 6, async (changes) => {
      const scenario = await Scenario.start({ client, functions: [fn], sweeper: true });
      const [bent = "", good = ""] = await scenario.send(
        { name: "shop/nap", data: { n: 1 } },
        { name: "shop/nap", data: { n: 2 } },
      );
      await scenario.advance(MINUTE);
      const [bentRun = ""] = await scenario.runIds(bent);
      const { clients, settings } = scenario.world.services("outsider");
      const items = await itemsOf(scenario, bentRun);
      for (const { item: place, attribute: nth, value } of changes) {
        const item = items[place % items.length] ?? {};
        const names = Object.keys(item).filter(
          (name) => !["pk", "sk", "fnKey", "fnSort", "dueShard", "due"].includes(name),
        );
        const changed = { ...item, [names[nth % names.length] ?? "status"]: value };
        await clients.dynamodb.send(new PutItemCommand({ TableName: settings.tableName, Item: changed }));
      }
      await scenario.send({ name: "shop/go", data: { n: 1 } }, { name: "shop/go", data: { n: 2 } });
      await scenario.advance(HOUR);
      const { head, output } = await scenario.runOf(good);
      await scenario.stop();
      expect([head.status, output]).toEqual(["Completed", 2]);
    });
  });
});
