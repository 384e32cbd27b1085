/**
 * Goal: what leaves as an event is JSON that fits its schema, and what arrives fits the schema of a trigger.
 * Method: payloads in, outgoing events or errors out, as literals; real schemas of zod and valibot.
 */
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { eventType, PerdureError, staticSchema, type EventPayload, type Trigger } from "../../../sdk/index.js";
import { isEventType, outgoingEvents } from "../../../sdk/events.js";
import { isEventMatch, validateEvent } from "../../../sdk/triggers.js";
import { schemaOf } from "./schema-of.js";

/** The code and the message of the error `promise` rejects with. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => "accepted",
    (reason: unknown) => reason,
  );
  return error instanceof PerdureError ? `${error.code}: ${error.message}` : String(error);
}

/** As a caller without types gives it. */
const outgoingOf = (payload: unknown): Promise<unknown> =>
  Promise.resolve(Reflect.apply(outgoingEvents, null, [payload]));

const zodUser = eventType("app/user.created", { schema: z.object({ userId: z.string(), plan: z.enum(["a", "b"]) }) });
const valibotUser = eventType("app/user.updated", { schema: v.object({ userId: v.pipe(v.string(), v.minLength(2)) }) });

describe("outgoingEvents()", () => {
  it("writes data as JSON and times as milliseconds", async () => {
    const payload: EventPayload = { name: "a/b", data: { at: new Date(7), no: undefined, f: () => 1, m: new Map() } };
    expect(await outgoingEvents([payload, { name: "a/c", ts: new Date(9) }, { name: "a/d", ts: 9.9, v: "2" }])).toEqual(
      [
        { name: "a/b", data: { at: "1970-01-01T00:00:00.007Z", m: {} } },
        { name: "a/c", data: {}, ts: 9 },
        { name: "a/d", data: {}, ts: 9, v: "2" },
      ],
    );
  });

  it("leaves out members it does not know", async () => {
    expect(await outgoingOf({ name: "a/b", user: { id: 1 }, id: undefined })).toEqual([{ name: "a/b", data: {} }]);
  });

  it.each([
    [null, "Cannot send event null: it is not an object; expected { name, data }"],
    ["a/b", 'Cannot send event "a/b": it is not an object; expected { name, data }'],
    [5n, 'Cannot send event "[object BigInt]": it is not an object; expected { name, data }'],
    [{}, 'Cannot send event undefined: its event name is not text; expected a name such as "app/user.created"'],
    [{ name: "" }, 'Cannot send event "": its event name is not text; expected a name such as "app/user.created"'],
    [{ name: "app/*" }, 'Cannot send event "app/*": its event name has a wildcard; expected the name of one event'],
    [
      { name: "perdure/function.failed" },
      'Cannot send event "perdure/function.failed": names that begin with "perdure/" are reserved; expected a name of your own',
    ],
    [
      { name: "a\u0000" },
      'Cannot send event "a\\u0000": its event name has characters that cannot be stored; expected no control characters',
    ],
    [
      { name: "a\ud800" },
      'Cannot send event "a\\ud800": its event name has characters that cannot be stored; expected no control characters',
    ],
    [
      { name: "a/b", id: 5 },
      'Cannot send event "a/b": its id is not usable; expected text of 1 to 256 characters, or no id',
    ],
    [
      { name: "a/b", id: "" },
      'Cannot send event "a/b": its id is not usable; expected text of 1 to 256 characters, or no id',
    ],
    [
      { name: "a/b", v: "v".repeat(65) },
      'Cannot send event "a/b": its v is not usable; expected text of 1 to 64 characters, or no v',
    ],
    [
      { name: "a/b", ts: "now" },
      'Cannot send event "a/b": its ts is not a point in time; expected a Date or ms since 1970',
    ],
    [
      { name: "a/b", ts: new Date(NaN) },
      'Cannot send event "a/b": its ts is not a point in time; expected a Date or ms since 1970',
    ],
    [
      { name: "a/b", data: [1] },
      'Cannot send event "a/b": its data is not an object; expected an object with named members',
    ],
    [
      { name: "a/b", data: null },
      'Cannot send event "a/b": its data is not an object; expected an object with named members',
    ],
    [
      { name: "a/b", data: new Date(0) },
      'Cannot send event "a/b": its data is not an object; expected an object with named members',
    ],
    [
      { name: "a/b", data: () => 1 },
      'Cannot send event "a/b": its data is not an object; expected an object with named members',
    ],
    [
      { name: "a/b", data: { n: 1n } },
      'Cannot send event "a/b": its data has no JSON; expected no cycles and no bigint',
    ],
  ])("refuses what is wrong, case %#", async (payload, message) => {
    expect(await refusal(outgoingOf(payload))).toBe(`EVENT_NOT_SENDABLE: ${message}`);
  });

  it("refuses a name of more than 256 characters, and a cycle", async () => {
    expect(await refusal(outgoingOf({ name: "a".repeat(257) }))).toContain("its event name has 257 characters");
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(await refusal(outgoingOf({ name: "a/b", data: cycle }))).toContain("its data has no JSON");
  });

  it("checks a created event against its schema, as JSON, and a plain one against none", async () => {
    expect(await outgoingEvents(zodUser.create({ userId: "u", plan: "a" }, { id: "i", ts: 3 }))).toEqual([
      { name: "app/user.created", data: { userId: "u", plan: "a" }, id: "i", ts: 3 },
    ]);
    const wrong = Reflect.apply(zodUser.create, zodUser, [{ plan: "c" }]);
    expect(await refusal(outgoingOf(wrong))).toBe(
      'EVENT_DATA_INVALID: Cannot send event "app/user.created": its data has 2 issues: userId: Invalid input: expected string, received undefined, plan: Invalid option: expected one of "a"|"b"; expected data that fits the schema of its event type',
    );
    expect(await refusal(outgoingEvents(valibotUser.create({ userId: "u" })))).toContain(
      "its data has 1 issue: userId: Invalid length: Expected >=2 but received 1",
    );
    expect(await refusal(outgoingEvents({ name: "app/user.created", data: {} }))).toBe("accepted");
    // As the receiver would see it: a Date is text by then.
    const dated = eventType("a/dated", { schema: schemaOf<{ at: unknown }>(({ at }) => typeof at === "string") });
    expect(await refusal(outgoingEvents(dated.create({ at: new Date(0) })))).toBe("accepted");
  });

  it("keeps the schema of a created event that is spread into another", async () => {
    const spread = { ...valibotUser.create({ userId: "u" }), id: "other" };
    expect(await refusal(outgoingEvents(spread))).toContain("EVENT_DATA_INVALID");
    expect(JSON.stringify(spread)).toBe('{"name":"app/user.updated","data":{"userId":"u"},"id":"other"}');
  });

  it("waits for schemas that take their time, and lets one through that throws", async () => {
    const slow = eventType("a/slow", { schema: z.object({ n: z.number().refine(async (n) => n > 1) }) });
    expect(await refusal(outgoingEvents(slow.create({ n: 1 })))).toContain("its data has 1 issue: n: Invalid input");
    const broken = eventType("a/broken", {
      schema: schemaOf<{ n: number }>(() => {
        throw new Error("the schema is broken");
      }),
    });
    expect(await refusal(outgoingEvents(broken.create({ n: 1 })))).toBe("Error: the schema is broken");
  });

  it("shows five issues and counts the others", async () => {
    const many = eventType("a/many", { schema: z.record(z.string(), z.number()) });
    const data = Object.fromEntries("abcdefg".split("").map((key) => [key, "no"]));
    const text = await refusal(outgoingOf(Reflect.apply(many.create, many, [data])));
    expect(text).toContain("7 issues: a: ");
    expect(text).toContain("e: Invalid input: expected number, received string, and 2 more;");
  });
});

describe("eventType()", () => {
  it("is known by its brand, by another copy of the package too", () => {
    expect(isEventType(zodUser)).toBe(true);
    expect(isEventType({ [Symbol.for("perdure.EventType")]: true })).toBe(true);
    expect(isEventType({ name: "a/b", create: () => {} })).toBe(false);
    expect(isEventType(null)).toBe(false);
  });

  it("refuses names and schemas that are none", () => {
    const make = (...parameters: unknown[]): (() => unknown) => {
      return () => Reflect.apply(eventType, null, parameters);
    };
    expect(make("us*")).toThrow(
      'Cannot create event type "us*": the wildcard in "us*" matches nothing there; expected a "*" at the end, directly after "/" or ".", such as "app/*" or "app/user.*"',
    );
    expect(make(5)).toThrow("its event name is not text");
    expect(make("perdure/x")).toThrow('names that begin with "perdure/" are reserved');
    expect(make("a/b", { schema: { parse: () => 1 } })).toThrow("its schema is not a Standard Schema");
    expect(make("a/b", { schema: null })).toThrow("its schema is not a Standard Schema");
    expect(make("a/*")).not.toThrow();
  });

  it("can be typed without checking anything", async () => {
    const typed = eventType("a/typed", { schema: staticSchema<{ a: string }>() });
    expect(await refusal(outgoingOf(Reflect.apply(typed.create, typed, [{ a: 1 }])))).toBe("accepted");
  });
});

describe("validateEvent()", () => {
  const check = (triggers: Trigger[], name: string, data: unknown): Promise<string> =>
    refusal(validateEvent(triggers, { name, data }));

  it("accepts what fits and refuses what does not, for good", async () => {
    expect(await check([zodUser], "app/user.created", { userId: "u", plan: "a" })).toBe("accepted");
    expect(await check([{ event: zodUser, if: "true" }], "app/user.created", { userId: 1, plan: "a" })).toBe(
      'EVENT_DATA_INVALID: Cannot receive event "app/user.created": its data has 1 issue: userId: Invalid input: expected string, received number; expected data that fits the schema of its event type',
    );
    const error: unknown = await validateEvent([zodUser], { name: "app/user.created", data: {} }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ retryable: false });
  });

  it("asks only the triggers the name matches, wildcards included", async () => {
    const wild = eventType("app/*", { schema: z.object({ actor: z.string() }) });
    expect(await check([zodUser, valibotUser], "app/user.updated", { userId: "u2" })).toBe("accepted");
    expect(await check([wild], "app/user.deleted", {})).toContain("EVENT_DATA_INVALID");
    expect(await check([wild], "app/user.deleted", { actor: "x" })).toBe("accepted");
  });

  it("accepts what fits one of several, and anything under a trigger without a schema", async () => {
    const other = eventType("app/user.created", { schema: z.object({ legacy: z.literal(true) }) });
    expect(await check([zodUser, other], "app/user.created", { legacy: true })).toBe("accepted");
    expect(await check([zodUser, other], "app/user.created", {})).toContain("2 issues: userId");
    expect(await check([zodUser, { event: "app/*" }], "app/user.created", {})).toBe("accepted");
  });

  it("lets pass what no trigger names: crons, and triggers that are gone", async () => {
    expect(await check([zodUser, { cron: "* * * * *" }], "perdure/scheduled.timer", {})).toBe("accepted");
    expect(await check([zodUser], "app/renamed", {})).toBe("accepted");
  });
});

describe("isEventMatch()", () => {
  it.each([
    ["a/b", "a/b", true],
    ["a/b", "a/b.c", false],
    ["a/*", "a/b", true],
    ["a/*", "a/b.c/d", true],
    ["a/*", "a", false],
    ["a/b.*", "a/b.c", true],
    ["a/b.*", "a/b", false],
    ["a/b.*", "a/bc", false],
  ])("%s against %s is %s", (pattern, name, expected) => {
    expect(isEventMatch(pattern, name)).toBe(expected);
  });
});
