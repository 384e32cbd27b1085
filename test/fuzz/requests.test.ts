/**
 * Goal: whatever is asked of an endpoint is answered, never with an error of its own making; what is refused leaves nothing
 * behind, what is accepted is kept as it was sent.
 * Method: bodies, paths, queries and headers at random and bent, to the real handlers over the embedded AWS; the ledger shows
 * what was written, the events queue what was accepted.
 */
import fc from "fast-check";
import { DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../../runtime/api/handle-request.js";
import { createIngest } from "../../runtime/ingest/handle-request.js";
import { readDispatchMessage } from "../../runtime/queue/messages.js";
import { getPayloadObject } from "../../runtime/state/payloads.js";
import { createWorld, eventId, EVENT_KEY, KEY, NOW_MS, register, runId, type World } from "../unit/api/world.js";
import { always } from "./fuzz.js";
import { bent, bentText, hostileJson, hostileObject, hostileText } from "./hostile.js";

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await register(world, "shop", ["checkout", "refund"]);
  for (const number of [1, 2, 3]) await world.createRun(number);
  await world.complete(runId(3), { paid: true });
});
afterAll(() => world.close());

const STORING = /^(Put|Update|Delete|BatchWrite|Transact|Send|Create)/;

/** Names of the calls that write, made while `work` was done. */
async function written<T>(work: () => Promise<T>): Promise<{ value: T; writes: string[] }> {
  const mark = world.aws.ledger.mark();
  const value = await work();
  const { rows } = world.aws.ledger.since(mark);
  return { value, writes: rows.map(({ operation }) => operation).filter((operation) => STORING.test(operation)) };
}

interface Body {
  body: string;
  isBase64Encoded: boolean;
}

const plain = (body: string): Body => ({ body, isBase64Encoded: false });
const inBytes = (bytes: Uint8Array): Body => ({ body: Buffer.from(bytes).toString("base64"), isBase64Encoded: true });

/** JSON as it is posted: as text, in bytes, or with a piece of it spoilt. */
function bodies(json: fc.Arbitrary<unknown>): fc.Arbitrary<Body> {
  const text = json.map((value) => JSON.stringify(value) ?? "");
  return fc.oneof(
    { weight: 4, arbitrary: text.map(plain) },
    { weight: 1, arbitrary: text.map((given) => inBytes(Buffer.from(given))) },
    { weight: 2, arbitrary: bentText(text).map(plain) },
    { weight: 1, arbitrary: hostileText.map(plain) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map(inBytes) },
    { weight: 1, arbitrary: text.map((given) => plain(given.replaceAll("1", "1e999"))) },
  );
}

const headers = fc
  .array(fc.tuple(fc.constantFrom("x-perdure-request-id", "traceparent", "content-type", "__proto__"), hostileText), {
    maxLength: 3,
  })
  .map((list): Record<string, string> => Object.fromEntries(list));

describe("POST /e/:eventKey", () => {
  const name = hostileText.filter((text) => text.length > 0 && text.length <= 256 && !/[\p{Cc}\p{Cs}]/u.test(text));
  const event = fc.record(
    {
      name,
      data: hostileObject,
      id: hostileText.filter((text) => text.length > 0 && text.length <= 256),
      ts: fc.integer({ min: NOW_MS - 1_000, max: NOW_MS + 1_000 }),
    },
    { requiredKeys: ["name"] },
  );
  const json = fc.oneof(
    event,
    fc.array(event, { maxLength: 3 }),
    bent(event),
    bent(fc.array(event, { minLength: 1, maxLength: 3 })),
    hostileJson,
  );

  /** Takes everything off the events queue. */
  async function accepted(): Promise<unknown[]> {
    const { clients, settings } = world.services;
    const { eventsQueueUrl: QueueUrl } = settings;
    const { Messages = [] } = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    const events: unknown[] = [];
    for (const { Body = "", ReceiptHandle } of Messages) {
      await clients.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      const message = readDispatchMessage(Body);
      if ("unreadable" in message) throw new Error(`What was accepted cannot be read: ${message.unreadable}`);
      if (message.kind === "events") events.push(...message.events);
      if (message.kind === "events-object")
        events.push(...JSON.parse(await getPayloadObject(world.services, message.key)));
    }
    return events;
  }

  it("accepts what is an event, as it is, and keeps nothing of what is none", async () => {
    const ingest = createIngest(world.services, { eventKeys: ["right"] });
    let count = 0;
    await always(
      fc.tuple(bodies(json), headers, fc.constantFrom("right", "right", "right", "wrong", "", "__proto__")),
      600,
      async ([body, sent, eventKey]) => {
        const request = {
          ...body,
          headers: sent,
          pathParameters: { eventKey },
          requestContext: { http: { method: "POST" } },
        };
        const { value: answer, writes } = await written(() => ingest(request));
        const answered: { ids?: string[]; error?: { code: string; message: string } } = JSON.parse(answer.body);
        if (answer.statusCode !== 200) {
          expect([400, 401, 413]).toContain(answer.statusCode);
          expect(answered.error?.code).toMatch(/^[A-Z_]+$/);
          expect(answered.error?.message).toMatch(/^Cannot [^\p{Cc}]{1,600}$/u);
          return expect(writes).toEqual([]);
        }
        expect(eventKey).toBe("right");
        count += 1;
        const text = body.isBase64Encoded ? Buffer.from(body.body, "base64").toString() : body.body;
        const posted: unknown = JSON.parse(text);
        const kept = await accepted();
        expect(kept.map((one) => Reflect.get(Object(one), "id"))).toEqual(answered.ids);
        const data = (Array.isArray(posted) ? posted : [posted]).map((one: { data?: unknown }) =>
          JSON.stringify(one.data ?? {}),
        );
        expect(
          kept.map((one) => JSON.stringify(Reflect.get(Object(Reflect.get(Object(one), "event")), "data"))),
        ).toEqual(data);
      },
    );
    expect(count).toBeGreaterThan(20);
  });
});

describe("/api/v1", () => {
  const ids = fc.oneof(
    fc.constantFrom(runId(1), runId(2), runId(3), runId(9), eventId(1)),
    bentText(fc.constant(runId(1))),
    hostileText,
  );
  const path = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "/api/v1/functions",
        "/api/v1/runs",
        "/api/v1/signals",
        "/api/v1/cancellations",
        "/health",
      ),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(
          fc.constantFrom("runs", "events", "cancellations"),
          ids,
          fc.constantFrom("", "", "/steps", "/runs", "/more"),
        )
        .map(([kind, id, rest]) => `/api/v1/${kind}/${id}${rest}`),
    },
    { weight: 1, arbitrary: hostileText.map((text) => `/${text}`) },
  );
  const query = fc
    .array(
      fc.tuple(
        fc.oneof(
          { weight: 5, arbitrary: fc.constantFrom("function", "status", "from", "until", "limit", "cursor") },
          { weight: 1, arbitrary: hostileText },
        ),
        fc.oneof(
          fc.constantFrom(
            "checkout",
            "shop/checkout",
            "shop/gone",
            "Running",
            "10",
            "2026-03-01",
            "2026-03-10T12:00:00Z",
            "eyJ2IjoxfQ",
          ),
          hostileText,
        ),
      ),
      { maxLength: 3 },
    )
    .map((pairs) => new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, value])).toString());
  const json = fc.oneof(
    bent(fc.constant({ functionId: "shop/checkout", from: "2026-03-01", to: "2026-03-09", if: "event.data.x == 1" })),
    bent(fc.record({ signal: hostileText, data: hostileJson })),
    hostileJson,
  );
  const tokens = fc.oneof(fc.constantFrom(KEY, KEY, KEY, EVENT_KEY), bentText(fc.constant(KEY)), hostileText);
  const methods = fc.constantFrom("GET", "GET", "POST", "DELETE", "PUT", "__proto__");

  it("answers whatever is asked with what there is or a refusal, and nobody without a key", async () => {
    const api = createApi(world.services, { signingKeys: [KEY], eventKeys: [EVENT_KEY] });
    await always(
      fc.tuple(methods, path, query, bodies(json), headers, tokens),
      1_200,
      async ([method, rawPath, rawQueryString, body, sent, token]) => {
        const request = {
          ...body,
          rawPath,
          rawQueryString,
          headers: { ...sent, authorization: `Bearer ${token}` },
          requestContext: { requestId: "request", http: { method } },
        };
        world.logLines.length = 0;
        const { value: answer, writes } = await written(() => api(request));
        const answered: { data?: unknown; error?: { code: string; message: string } } = JSON.parse(answer.body);
        expect(world.logLines).toEqual([]);
        expect([200, 400, 401, 404, 405, 409, 413]).toContain(answer.statusCode);
        if (answer.statusCode === 200) {
          expect("data" in answered).toBe(true);
          const isOpen =
            rawPath === "/health" || token === KEY || (token === EVENT_KEY && rawPath === "/api/v1/signals");
          return expect(isOpen).toBe(true);
        }
        expect(writes).toEqual([]);
        expect(answered.error?.code).toMatch(/^[A-Z_]+$/);
        expect(answered.error?.message.slice(0, 7)).toBe("Cannot ");
        expect(answer.body).not.toMatch(/[\u007f-\u009f\u202a-\u202e]/);
        expect(answer.body).not.toContain("signkey-");
      },
    );
  });
});
