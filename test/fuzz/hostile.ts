/** Owns: what a stranger sends: text and JSON chosen to break what reads them, and sound values bent in one place. */
import fc from "fast-check";

const NASTY_TEXTS = [
  "",
  " ",
  "\0",
  "#",
  "..",
  "../../etc/passwd",
  "shop#RUN#x",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "toJSON",
  "length",
  "\ud800",
  "\udfff\ud800",
  "\uffff",
  "\ufeff",
  "\u202eevil",
  "\u2028",
  "\n\r\t",
  "\u001b[2J\u001b[31m",
  "\u009b31m",
  "${7*7}{{7*7}}<%= 7*7 %>",
  "<img src=x onerror=alert(1)>",
  "=cmd|' /C calc'!A0",
  "' OR 1=1 --",
  "%00%2e%2e%2f",
  "é",
  "e\u0301",
  "NaN",
  "Infinity",
  "-0",
  "1e999",
  "0x10",
  "9007199254740993",
  "null",
  "undefined",
] as const;

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(...NASTY_TEXTS).map((text) => text.repeat(300)) },
);

const hostileNumber: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1e300, -1e300, 2 ** 53, 2 ** 48, 8.64e15, 1e15, Number.MIN_VALUE),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
);

/** JSON as a parser gives it: members named `__proto__` are members of their own. */
export const hostileJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 5 },
    hostileText,
    hostileNumber,
    fc.constantFrom(null, true, false),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(hostileText, tie("value")), { maxLength: 5 }).map((members) => Object.fromEntries(members)),
  ),
})).value;

export const hostileObject: fc.Arbitrary<Record<string, unknown>> = fc
  .array(fc.tuple(hostileText, hostileJson), { maxLength: 6 })
  .map((members) => Object.fromEntries(members));

/** Sound JSON with one place of it changed, taken out, or added to. */
export function bent(sound: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const bend = fc.record({ place: fc.nat(), how: fc.constantFrom("replace", "remove", "add"), by: hostileJson });
  return fc.tuple(sound, bend, hostileText).map(([value, { place, how, by }, name]) => {
    let left = place % countOf(value);
    const walk = (node: unknown): unknown => {
      if (left === 0) {
        left = -1;
        if (how === "add" && isObject(node)) return { ...node, [name]: by };
        return how === "remove" ? undefined : by;
      }
      left -= 1;
      if (Array.isArray(node)) return node.map((item) => (left < 0 ? item : walk(item)));
      if (!isObject(node)) return node;
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, left < 0 ? item : walk(item)]));
    };
    return walk(value);
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function countOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((count, item) => count + countOf(item), 1);
}

/** Sound text with a piece of it taken out, doubled, or replaced. */
export function bentText(sound: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(sound, fc.nat(), fc.nat({ max: 8 }), fc.oneof(fc.constant(""), hostileText))
    .map(([text, at, length, by]) => {
      const from = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, from) + by + text.slice(from + length);
    });
}
