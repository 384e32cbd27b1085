/**
 * Goal: any bytes are answered, quickly, with the value they spell or an error that points at the character; what is
 * accepted is exactly what was sent, and can change no prototype.
 * Method: literal cases for each refusal, hostile sizes, and generated JSON cut and bent at random against JSON.parse.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PerdureError } from "../../../sdk/error-catalogue.js";
import { findJsonError } from "../../../runtime/ingest/find-json-error.js";
import { REQUEST_LIMITS, readJson } from "../../../runtime/ingest/read-json.js";
import "../seeded-properties.js";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function refusal(input: Uint8Array | string, limits = REQUEST_LIMITS): PerdureError {
  try {
    readJson(input, limits);
  } catch (error) {
    if (error instanceof PerdureError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

const infinityMarked = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? "infinite" : value;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("readJson()", () => {
  it("reads text and bytes alike", () => {
    const value = { name: "a/b", data: { n: [1, -2.5e3, null, true, "ü€😀"] } };
    expect(readJson(JSON.stringify(value))).toEqual(value);
    expect(readJson(encode(JSON.stringify(value)))).toEqual(value);
  });

  it("keeps NUL, lone surrogates and white space inside strings", () => {
    expect(readJson('"\\u0000"')).toBe("\u0000");
    expect(readJson('"\\ud800"')).toBe("\ud800");
    expect(readJson(' [ "\\t\\n" ] ')).toEqual(["\t\n"]);
  });

  it("keeps __proto__ as a member of its own and changes no prototype", () => {
    const text = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"__proto__":{"admin":1}}';
    const value = readJson(text);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"admin":1},"constructor":{"prototype":{"admin":true}}}');
    expect(JSON.stringify({ ...Object(value) })).toContain('"__proto__":{"admin":1}');
    expect(Reflect.get({}, "admin")).toBeUndefined();
  });

  it.each([
    ["", "line 1, column 1: the text ends; expected a value"],
    ["   ", "line 1, column 4: the text ends; expected a value"],
    ["tru", 'line 1, column 1: it is "tru"; expected a value'],
    ["undefined", 'line 1, column 1: it is "undefined"; expected a value'],
    ["NaN", 'line 1, column 1: it is "NaN"; expected a value'],
    ["{'a':1}", 'line 1, column 2: it is "\'"; expected a member name in double quotes or "}"'],
    ['{"a" 1}', 'line 1, column 6: it is "1"; expected ":" after the member name'],
    ['{"a":1,}', 'line 1, column 8: it is "}"; expected a member name in double quotes'],
    ['{"a":}', 'line 1, column 6: it is "}"; expected a value'],
    ["[1,]", 'line 1, column 4: it is "]"; expected a value'],
    ["[1 2]", 'line 1, column 4: it is "2"; expected "," or "]"'],
    ["[1}", 'line 1, column 3: it is "}"; expected "," or "]"'],
    ['{"a":1]', 'line 1, column 7: it is "]"; expected "," or "}"'],
    ["{}{}", 'line 1, column 3: it is "{"; expected the end of the text after one value'],
    ['{\n  "a": 1,\n  b: 2\n}', 'line 3, column 3: it is "b"; expected a member name in double quotes'],
    ['{"a":[1,2', 'line 1, column 10: the text ends; expected "," or "]"'],
    ['["abc', "line 1, column 6: the text ends; expected a double quote that closes the string"],
    ['["a\nb"]', 'line 1, column 4: a string holds the control character "\\n"'],
    ['["\u0000"]', 'line 1, column 3: a string holds the control character "\\u0000"'],
    ['["\\x41"]', 'line 1, column 3: a string holds "\\\\x"'],
    ['["\\u12"]', 'line 1, column 3: a string holds "\\\\u"'],
    ["01", 'line 1, column 2: it is "1"; expected the end of the text after one value'],
    ["+1", 'line 1, column 1: it is "+"; expected a value'],
    [".5", 'line 1, column 1: it is "."; expected a value'],
    ["1.", 'line 1, column 2: it is "."; expected the end'],
    ["-", 'line 1, column 1: it is "-"; expected a value'],
    ["// no", 'line 1, column 1: it is "/"; expected a value'],
    ["\u00a01", 'line 1, column 1: it is "\u00a0"; expected a value'],
    ["[1e400]", 'line 1, column 2: the number is "1e400"; expected a number that a double can hold'],
    ["[-1E+999]", 'line 1, column 3: the number is "1E+999"'],
  ])("refuses %j at %s", (text, message) => {
    const error = refusal(text);
    expect(error.code).toBe("INVALID_JSON");
    expect(error.status).toBe(400);
    expect(error.message).toContain(`Cannot read JSON at ${message}`);
  });

  it("refuses a long number only when no double holds it", () => {
    expect(readJson("1".repeat(308))).toBe(Number("1".repeat(308)));
    expect(refusal("2".repeat(309)).code).toBe("INVALID_JSON");
    expect(readJson(`0.${"1".repeat(1_000)}`)).toBe(0.1111111111111111);
    expect(readJson("1.7976931348623157e308")).toBe(Number.MAX_VALUE);
    expect(readJson("1e-400")).toBe(0);
    expect(readJson('"1e400"')).toBe("1e400");
  });

  it("refuses a byte order mark in text and bytes", () => {
    expect(refusal("\ufeff{}").message).toContain("it begins with a byte order mark");
    expect(refusal(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)).message).toContain("it begins with a byte order mark");
  });

  it.each([
    ["a lone continuation byte", [0x22, 0x80, 0x22], 1],
    ["an overlong form", [0x22, 0x41, 0xc0, 0xaf, 0x22], 2],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ["a cut sequence", [0x22, 0xe2, 0x82], 1],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00], 0],
  ])("refuses %s as not UTF-8", (_, bytes, offset) => {
    expect(refusal(Uint8Array.from(bytes)).message).toBe(
      `Cannot read JSON at byte ${offset}: it is not UTF-8; expected text encoded as UTF-8`,
    );
  });

  it("takes 64 levels and refuses the 65th, pointing at it", () => {
    expect(JSON.stringify(readJson("[".repeat(64) + "]".repeat(64)))).toHaveLength(128);
    const error = refusal(`${"[".repeat(65)}${"]".repeat(65)}`);
    expect(error.code).toBe("JSON_TOO_DEEP");
    expect(error.message).toContain("line 1, column 65");
    expect(readJson(`"${"[".repeat(500)}"`)).toHaveLength(500);
    expect(refusal(`["\\"",${"[".repeat(64)}`).code).toBe("JSON_TOO_DEEP");
  });

  it("answers 100,000 levels, closed or not, by its first 65 characters", () => {
    for (const text of ["[".repeat(100_000), '{"a":'.repeat(100_000), "[".repeat(1e5) + "]".repeat(1e5)]) {
      expect(refusal(text).code).toBe("JSON_TOO_DEEP");
    }
  });

  it("refuses more bytes than the limit, counted in UTF-8", () => {
    const limits = { maxBytes: 10, maxDepth: 5 };
    expect(readJson('"12345678"', limits)).toBe("12345678");
    expect(refusal('"123456789"', limits).message).toBe("Cannot accept request: it has 11 bytes; expected at most 10");
    expect(refusal('"€€€"', limits).code).toBe("REQUEST_TOO_LARGE");
    expect(REQUEST_LIMITS).toEqual({ maxBytes: 6_291_456, maxDepth: 64 });
  });

  it("agrees with JSON.parse on text bent at random, and always finds a place", () => {
    const bent = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.nat(200),
        fc.constantFrom("", ",", "]", "}", '"', "\\", "e", "-", ":", " ", "\n"),
      )
      .map(
        ([text, at, insert]) =>
          text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + 1),
      );
    fc.assert(
      fc.property(bent, (text) => {
        let expected: { value: unknown } | null;
        try {
          const value: unknown = JSON.parse(text);
          // JSON.parse reads 1e400 as Infinity, which is the one text it takes and we refuse.
          expected = JSON.stringify(value) === JSON.stringify(value, infinityMarked) ? { value } : null;
        } catch {
          expected = null;
        }
        if (expected !== null) expect(readJson(text)).toEqual(expected.value);
        else {
          expect(refusal(text).code).toBe("INVALID_JSON");
          if (isJson(text)) return;
          // What comes before the place found must be the beginning of some JSON text: completing it is possible.
          const { offset } = findJsonError(text);
          expect(offset).toBeLessThanOrEqual(text.length);
          expect(findJsonError(text.slice(0, offset)).offset).toBe(offset);
        }
      }),
      { numRuns: 3_000, verbose: false },
    );
  });
});
