/**
 * Goal: values are kept exactly: numbers as decimals, sizes to the byte, nothing shared with the caller.
 * Method: literal examples; for numbers also random decimals against integer arithmetic.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValue } from "../../../local/aws/dynamodb/attribute-codec.js";
import {
  addNumbers,
  compareNumbers,
  normaliseNumber,
  numberOrderText,
  numberSizeBytes,
  subtractNumbers,
} from "../../../local/aws/dynamodb/number.js";
import { compareValues, sameValue, sizeOfValue } from "../../../local/aws/dynamodb/value.js";
import { Fixture, key, refused } from "./dynamodb-fixture.js";
import "../seeded-properties.js";

describe("numbers", () => {
  it.each([
    ["0", "0"],
    ["-0", "0"],
    ["0.000", "0"],
    ["007", "7"],
    ["+5", "5"],
    ["1.50", "1.5"],
    [".5", "0.5"],
    ["5.", "5"],
    ["1e3", "1000"],
    ["1.5E-2", "0.015"],
    ["-12.340e1", "-123.4"],
    ["12345678901234567890", "12345678901234567890"],
    ["0e999", "0"],
  ])("normaliseNumber(%s) is %s", (text, normal) => {
    expect(normaliseNumber(text)).toBe(normal);
  });

  it("normaliseNumber() takes the largest and smallest magnitudes in full", () => {
    expect(normaliseNumber("9.9999999999999999999999999999999999999E+125")).toBe("9".repeat(38) + "0".repeat(88));
    expect(normaliseNumber("1e-130")).toBe(`0.${"0".repeat(129)}1`);
  });

  it.each([
    ["1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
    ["-1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
    ["1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"],
    ["1e99999999999", "Number overflow. Attempting to store a number with magnitude larger than supported range"],
    ["123456789012345678901234567890123456789", "Attempting to store more than 38 significant digits in a Number"],
    ["ten", "The parameter cannot be converted to a numeric value: ten"],
    ["", "The parameter cannot be converted to a numeric value"],
    ["1 ", "The parameter cannot be converted to a numeric value: 1 "],
    ["Infinity", "The parameter cannot be converted to a numeric value: Infinity"],
    ["0x10", "The parameter cannot be converted to a numeric value: 0x10"],
  ])("normaliseNumber(%s) refuses", (text, message) => {
    expect(refused(() => normaliseNumber(text))).toBe(`ValidationException: ${message}`);
  });

  it("addNumbers() and subtractNumbers() are exact", () => {
    expect(addNumbers("0.1", "0.2")).toBe("0.3");
    expect(addNumbers("99999999999999", "1")).toBe("100000000000000");
    expect(addNumbers("9007199254740993", "2")).toBe("9007199254740995");
    expect(addNumbers("-5", "5")).toBe("0");
    expect(subtractNumbers("1", "0.999999999999999999999")).toBe("0.000000000000000000001");
    expect(subtractNumbers("0", "7")).toBe("-7");
  });

  it("addNumbers() refuses a sum that needs more than 38 digits as not modelled", () => {
    expect(refused(() => addNumbers("1".padEnd(60, "0"), "1"))).toMatch(/^NotModelledError: .*more than 38 digits/);
  });

  it("addNumbers() refuses a sum out of range", () => {
    const large = "9".padEnd(126, "0");
    expect(refused(() => addNumbers(large, large))).toMatch(/^ValidationException: Number overflow/);
  });

  const decimal = fc.record({ units: fc.bigInt(-(10n ** 17n), 10n ** 17n), places: fc.integer({ min: 0, max: 12 }) });
  type Decimal = { units: bigint; places: number };
  const textOf = ({ units, places }: Decimal): string => normaliseNumber(`${units}e-${places}`);
  const scaled = ({ units, places }: Decimal): bigint => units * 10n ** BigInt(12 - places);

  it("sum, difference and order agree with integers", () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const sum = normaliseNumber(`${scaled(a) + scaled(b)}e-12`);
        const difference = normaliseNumber(`${scaled(a) - scaled(b)}e-12`);
        expect(addNumbers(textOf(a), textOf(b))).toBe(sum);
        expect(subtractNumbers(textOf(a), textOf(b))).toBe(difference);
        const order = Math.sign(Number(scaled(a) > scaled(b)) - Number(scaled(a) < scaled(b)));
        expect(Math.sign(compareNumbers(textOf(a), textOf(b)))).toBe(order);
        const [x, y] = [numberOrderText(textOf(a)), numberOrderText(textOf(b))];
        expect(Number(x > y) - Number(x < y)).toBe(order);
      }),
      { numRuns: 500 },
    );
  });

  it("numberOrderText() sorts across signs and magnitudes", () => {
    const ascending = [
      "-1e125",
      "-123",
      "-12.3",
      "-12",
      "-1",
      "-1e-130",
      "0",
      "1e-130",
      "0.12",
      "0.123",
      "1",
      "9",
      "10",
      "1e125",
    ];
    const shuffled = [...ascending].reverse();
    const byText = shuffled.map(normaliseNumber).sort((a, b) => (numberOrderText(a) < numberOrderText(b) ? -1 : 1));
    expect(byText).toEqual(ascending.map(normaliseNumber));
  });

  it.each([
    ["0", 1],
    ["1", 2],
    ["12", 2],
    ["123", 3],
    ["1234", 3],
    ["-1234", 4],
    ["100", 2],
    ["1000", 2],
    ["12.34", 3],
    ["12.3", 3],
    ["1700000000", 2],
    ["1700000001", 6],
    ["12345678901234567890123456789012345678", 20],
  ])("numberSizeBytes(%s) is %i", (text, bytes) => {
    expect(numberSizeBytes(text)).toBe(bytes);
  });
});

describe("values", () => {
  it.each([
    [{ S: "é" }, 2],
    [{ S: "" }, 0],
    [{ B: Uint8Array.of(1, 2, 3) }, 3],
    [{ BOOL: false }, 1],
    [{ NULL: true }, 1],
    [{ L: [] }, 3],
    [{ L: [{ S: "ab" }, { S: "c" }] }, 8],
    [{ M: {} }, 3],
    [{ M: { key: { S: "ab" } } }, 9],
    [{ SS: ["a", "bc"] }, 3],
    [{ NS: ["1", "12"] }, 4],
    [{ BS: [Uint8Array.of(1), Uint8Array.of(1, 2)] }, 3],
  ])("the size of %j is %i bytes", (raw, bytes) => {
    expect(sizeOfValue(decodeValue(raw))).toBe(bytes);
  });

  it("sameValue() compares sets without order, numbers by value and lists in order", () => {
    const same = (a: unknown, b: unknown): boolean => sameValue(decodeValue(a), decodeValue(b));
    expect(same({ SS: ["a", "b"] }, { SS: ["b", "a"] })).toBe(true);
    expect(same({ SS: ["a", "b"] }, { SS: ["a", "c"] })).toBe(false);
    expect(same({ NS: ["1.0"] }, { NS: ["1"] })).toBe(true);
    expect(same({ BS: [Uint8Array.of(1)] }, { BS: [Uint8Array.of(1)] })).toBe(true);
    expect(same({ L: [{ N: "1" }] }, { L: [{ N: "1.0" }] })).toBe(true);
    expect(same({ L: [{ N: "1" }, { N: "2" }] }, { L: [{ N: "2" }, { N: "1" }] })).toBe(false);
    expect(same({ M: { a: { S: "x" } } }, { M: { a: { S: "x" } } })).toBe(true);
    expect(same({ M: { a: { S: "x" } } }, { M: { b: { S: "x" } } })).toBe(false);
    expect(same({ N: "1" }, { S: "1" })).toBe(false);
  });

  it("compareValues() orders strings by UTF-8 and bytes without sign", () => {
    const below = (a: unknown, b: unknown): boolean => (compareValues(decodeValue(a), decodeValue(b)) ?? 0) < 0;
    expect(below({ S: "\uff01" }, { S: "\u{1f600}" })).toBe(true);
    expect(below({ B: Uint8Array.of(1) }, { B: Uint8Array.of(255) })).toBe(true);
    expect(below({ B: Uint8Array.of(1) }, { B: Uint8Array.of(1, 0) })).toBe(true);
    expect(compareValues(decodeValue({ S: "1" }), decodeValue({ N: "1" }))).toBeUndefined();
  });

  it("strings sort by UTF-8 whatever they hold", () => {
    // The characters at which UTF-16 and UTF-8 order part.
    const character = fc.constantFrom("\0", "a", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}");
    const text = fc.array(character, { maxLength: 4 }).map((characters) => characters.join(""));
    fc.assert(
      fc.property(text, text, (a, b) => {
        const order = compareValues({ type: "S", value: a }, { type: "S", value: b });
        expect(Math.sign(order ?? 9)).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { numRuns: 500 },
    );
  });
});

describe("reading values", () => {
  const put = (value: unknown) => refused(() => new Fixture().put({ ...key("x"), value }));

  it.each([
    [{}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"],
    [
      { S: "a", N: "1" },
      "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    ],
    [
      { NULL: false },
      "One or more parameter values were invalid: Null attribute value types must have the value of true",
    ],
    [{ SS: [] }, "One or more parameter values were invalid: An string set  may not be empty"],
    [{ NS: [] }, "One or more parameter values were invalid: An number set  may not be empty"],
    [{ BS: [] }, "One or more parameter values were invalid: Binary sets should not be empty"],
    [{ SS: ["a", "a"] }, "One or more parameter values were invalid: Input collection [a, a] contains duplicates."],
    [{ NS: ["1", "1.0"] }, "One or more parameter values were invalid: Input collection [1, 1] contains duplicates."],
    [{ L: [{ SS: [] }] }, "One or more parameter values were invalid: An string set  may not be empty"],
  ])("refuses %j", (value, message) => {
    expect(put(value)).toBe(`ValidationException: ${message}`);
  });

  it.each([{ S: 5 }, { N: 5 }, { BOOL: "true" }, { B: "text" }, { L: {} }, { M: [] }, "text", null, [{ S: "a" }]])(
    "cannot read %j",
    (value) => {
      expect(put(value)).toMatch(/^SerializationException: Cannot read parameter/);
    },
  );

  it("does not model unknown datatypes and half surrogate pairs", () => {
    expect(put({ X: 1 })).toMatch(/^NotModelledError: .*datatype "X"/);
    expect(put({ S: "a\ud800" })).toMatch(/^NotModelledError: .*half a surrogate pair/);
  });

  it("takes 32 levels of nesting and refuses 33, in a put and by an update", () => {
    const nested = (levels: number): unknown => (levels === 0 ? { N: "1" } : { L: [nested(levels - 1)] });
    const fixture = new Fixture();
    fixture.put({ ...key("x"), m: { M: {} }, deep: nested(32) });
    expect(put(nested(33))).toBe("ValidationException: Nesting Levels have exceeded supported limits");
    fixture.update(key("x"), "SET m.a = :v", { ":v": nested(31) });
    expect(refused(() => fixture.update(key("x"), "SET m.a = :v", { ":v": nested(32) }))).toBe(
      "ValidationException: Nesting Levels have exceeded supported limits",
    );
  });

  it("shares no bytes with the caller, in or out", () => {
    const fixture = new Fixture();
    const bytes = Uint8Array.of(1, 2, 3);
    fixture.put({ ...key("x"), b: { B: bytes } });
    bytes.fill(9);
    const first = fixture.get(key("x"));
    expect(first).toEqual({ ...key("x"), b: { B: Uint8Array.of(1, 2, 3) } });
    if (typeof first === "object" && first !== null) Object.assign(first, { b: { B: Uint8Array.of(7) } });
    expect(fixture.get(key("x"))).toEqual({ ...key("x"), b: { B: Uint8Array.of(1, 2, 3) } });
  });

  it("keeps __proto__ as a name like any other", () => {
    const fixture = new Fixture();
    const attributes: unknown = JSON.parse('{"__proto__":{"S":"mine"}}');
    const map = { M: attributes };
    fixture.put({ ...key("x"), map });
    const item = fixture.get(key("x"));
    expect(JSON.stringify(item)).toBe('{"pk":{"S":"x"},"sk":{"S":"-"},"map":{"M":{"__proto__":{"S":"mine"}}}}');
  });
});
