/**
 * Goal: what is acceptable is read with its defaults; anything else refuses the whole request with an error that names
 * the event, the member, what it is and what it should be.
 * Method: literal cases through readJson, so that hostile members arrive the way a stranger sends them.
 */
import { describe, expect, it } from "vitest";
import { PerdureError } from "../../../sdk/error-catalogue.js";
import { readEvents, type NewEvent } from "../../../runtime/ingest/read-events.js";
import { readJson } from "../../../runtime/ingest/read-json.js";

const NOW = { nowMs: 1_750_000_000_000 };

function accepted(text: string): NewEvent[] {
  const read = readEvents(readJson(text), NOW);
  if (!read.ok) throw read.error;
  return read.events;
}

function refused(body: unknown): PerdureError {
  const read = readEvents(typeof body === "string" ? readJson(body) : body, NOW);
  if (read.ok) throw new Error("expected a refusal");
  return read.error;
}

describe("readEvents()", () => {
  it("fills in data and ts of one event", () => {
    expect(accepted('{"name":"app/a"}')).toEqual([{ name: "app/a", data: {}, ts: 1_750_000_000_000 }]);
  });

  it("keeps every member of an array of events, in order", () => {
    const text = '[{"name":"app/a","data":{"x":[1]},"id":"i-1","ts":1700000000000,"v":"2"},{"name":"app/b"}]';
    expect(accepted(text)).toEqual([
      { name: "app/a", data: { x: [1] }, id: "i-1", ts: 1_700_000_000_000, v: "2" },
      { name: "app/b", data: {}, ts: 1_750_000_000_000 },
    ]);
  });

  it("takes null for left out, and leaves user out", () => {
    expect(accepted('{"name":"a","data":null,"id":null,"ts":null,"v":null,"user":{"id":1}}')).toEqual([
      { name: "a", data: {}, ts: 1_750_000_000_000 },
    ]);
  });

  it("cuts a fraction of a millisecond off", () => {
    expect(accepted('{"name":"a","ts":1700000000000.75}')[0]?.ts).toBe(1_700_000_000_000);
  });

  it("takes the ends of every range", () => {
    const name = "n".repeat(256);
    const id = "i".repeat(256);
    const v = "v".repeat(64);
    for (const ts of [315_532_800_000, 4_133_980_799_999]) {
      expect(accepted(JSON.stringify({ name, id, v, ts }))).toEqual([{ name, id, v, ts, data: {} }]);
    }
  });

  it("keeps hostile data as it is and changes no prototype", () => {
    const data = '{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"s":"\\ud800\\u0000"}';
    const [event] = accepted(`{"name":"a","data":${data}}`);
    expect(JSON.stringify(event?.data)).toBe(data);
    expect(Object.getPrototypeOf(event?.data)).toBe(Object.prototype);
    expect(Reflect.get({}, "admin")).toBeUndefined();
  });

  it.each([
    ["null", 'it is null; expected an object such as {"name":"app/user.created","data":{}}'],
    ['"text"', 'it is the text "text"; expected an object'],
    ["5", "it is 5; expected an object"],
    ["[[]]", "it is an array; expected an object"],
    ["{}", 'name is missing; expected text of 1 to 256 characters, such as "app/user.created"'],
    ['{"name":null}', "name is missing"],
    ['{"name":""}', "name is empty"],
    ['{"name":42}', "name is 42; expected text"],
    ['{"name":["a"]}', "name is an array; expected text"],
    [JSON.stringify({ name: "n".repeat(257) }), "name has 257 characters; expected text of 1 to 256"],
    ['{"name":"a\\u0000b"}', 'name is "a\\u0000b"; expected a name without control characters'],
    ['{"name":"a\\nb"}', 'name is "a\\nb"; expected a name without control characters'],
    ['{"name":"a\\u0085"}', 'name is "a\\u0085"; expected a name without control characters'],
    ['{"name":"a\\ud800"}', 'name is "a\\ud800"; expected a name without control characters or lone surrogates'],
    ['{"name":"a","data":[]}', "data is an array; expected an object, or nothing"],
    ['{"name":"a","data":"x"}', 'data is the text "x"; expected an object'],
    ['{"name":"a","data":0}', "data is 0; expected an object"],
    ['{"name":"a","id":7}', "id is 7; expected text of 1 to 256 characters, or nothing"],
    ['{"name":"a","id":""}', "id has 0 characters; expected text of 1 to 256"],
    [JSON.stringify({ name: "a", id: "i".repeat(257) }), "id has 257 characters"],
    ['{"name":"a","v":2}', "v is 2; expected text of 1 to 64 characters"],
    [JSON.stringify({ name: "a", v: "v".repeat(65) }), "v has 65 characters"],
    ['{"name":"a","ts":1750000000}', "ts is 1750000000, which looks like seconds (multiply it by 1000)"],
    ['{"name":"a","ts":1750000000000000}', "ts is 1750000000000000, which looks like microseconds (divide it by 1000)"],
    [
      '{"name":"a","ts":1750000000000000000}',
      "ts is 1750000000000000000, which looks like nanoseconds (divide it by 1000000)",
    ],
    ['{"name":"a","ts":0}', "ts is 0; expected milliseconds since 1970 in the years 1980 to 2100, or nothing"],
    ['{"name":"a","ts":-1}', "ts is -1; expected"],
    ['{"name":"a","ts":315532799999}', "ts is 315532799999; expected"],
    ['{"name":"a","ts":4133980800000}', "ts is 4133980800000; expected"],
    ['{"name":"a","ts":"2025-06-15T00:00:00Z"}', 'ts is the text "2025-06-15T00:00:00Z"; expected milliseconds'],
    ['{"name":"a","payload":{}}', 'it has the member "payload"; expected the members name, data, id, ts and v alone'],
    ['{"name":"a","__proto__":{"x":1}}', 'it has the member "__proto__"; expected'],
    ['{"name":"a","constructor":1}', 'it has the member "constructor"; expected'],
  ])("refuses %s: %s", (text, message) => {
    const error = refused(text);
    expect(error.code).toBe("EVENT_INVALID");
    expect(error.status).toBe(400);
    expect(error.message).toContain(`Cannot accept event 0: ${message}`);
  });

  it("names the event that is wrong and accepts none", () => {
    expect(refused('[{"name":"a"},{"name":"b"},{"name":3},{"name":4}]').message).toContain(
      "Cannot accept event 2: name",
    );
  });

  it.each(["perdure/", "perdure/function.failed", "inngest/x"])("refuses the reserved name %s", (name) => {
    const error = refused(JSON.stringify({ name }));
    expect(error.code).toBe("EVENT_NAME_RESERVED");
    expect(error.message).toContain(`expected a name that does not begin with "${name.split("/")[0]}/"`);
  });

  it("accepts a name that only resembles a reserved one", () => {
    expect(accepted('[{"name":"perdure.x"},{"name":"my/perdure/x"}]')).toHaveLength(2);
  });

  it("takes 1 to 5,000 events", () => {
    const many = (count: number): string => JSON.stringify(Array.from({ length: count }, () => ({ name: "a" })));
    expect(accepted(many(5_000))).toHaveLength(5_000);
    expect(refused(many(5_001)).message).toBe("Cannot accept request: it has 5001 events; expected 1 to 5000");
    expect(refused("[]").code).toBe("TOO_MANY_EVENTS");
  });

  it("takes an event of exactly 1 MiB and refuses one byte more", () => {
    // {"name":"a","data":{"s":""},"ts":1750000000000} is 47 bytes without the text.
    const event = (characters: number) => ({ name: "a", data: { s: "x".repeat(characters) }, ts: 1_750_000_000_000 });
    expect(readEvents(event(1_048_576 - 47), NOW).ok).toBe(true);
    const error = refused(event(1_048_576 - 46));
    expect(error.code).toBe("EVENT_TOO_LARGE");
    expect(error.message).toBe("Cannot accept event 0: it has 1048577 bytes of JSON; expected at most 1048576");
  });

  it("counts bytes, not characters, and all events together", () => {
    expect(refused({ name: "a", data: { s: "€".repeat(400_000) } }).code).toBe("EVENT_TOO_LARGE");
    const large = { name: "a", data: { s: "x".repeat(1_000_000) } };
    expect(refused([large, large, large, large, large, large, large]).code).toBe("REQUEST_TOO_LARGE");
  });

  it("shows hostile text cut and escaped", () => {
    const error = refused(JSON.stringify({ name: "a", ["\n[ERROR] forged".repeat(50)]: 1 }));
    expect(error.message).not.toContain("\n");
    expect(error.message.length).toBeLessThan(400);
  });
});
