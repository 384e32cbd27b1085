/**
 * Goal: an expression is refused at registration by code and place, or never throws, changes nothing it looks at, and costs no
 * more than its budget, whatever the event; splitting it into a key and a rest changes no answer.
 * Method: expressions by grammar, bent and raw, over hostile events. Work is counted, not timed: the event is behind proxies
 * that count every look at it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_STEPS } from "../../runtime/expressions/bounds.js";
import { compileExpression } from "../../runtime/expressions/cel.js";
import { fitsRest, planMatch, valuesOf } from "../../runtime/expressions/match-plan.js";
import { always, outcome } from "./fuzz.js";
import { bentText, hostileJson, hostileText } from "./hostile.js";
import { NOW_MS } from "./sound-messages.js";

const VARIABLES = ["event", "async"] as const;
const FIELDS = ["a", "b", "l", "__proto__", "constructor", "length", "toString"] as const;

const literal = fc.oneof(
  fc.constantFrom(
    "null",
    "true",
    "false",
    "0",
    "-0.0",
    "1",
    "9007199254740993",
    "1e308",
    "'a'",
    '"__proto__"',
    "[]",
    "{}",
  ),
  hostileText.map((text) => JSON.stringify(text)),
  fc.constantFrom("duration('1h')", "timestamp('2026-03-01T00:00:00Z')", "now()"),
);

const grammar = fc.letrec<{ value: string; test: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    literal,
    fc
      .tuple(fc.constantFrom("event", "async"), fc.array(fc.constantFrom(...FIELDS), { maxLength: 3 }))
      .map(([root, path]) => [root, "data", ...path].join(".")),
    fc.tuple(fc.constantFrom("event", "async"), tie("value")).map(([root, index]) => `${root}.data[${index}]`),
    fc.tuple(tie("value"), fc.constantFrom("+", "-", "*", "/", "%"), tie("value")).map((parts) => parts.join(" ")),
    fc
      .tuple(fc.constantFrom("size", "string", "int", "double", "json_parse", "timestamp", "bool", "dyn"), tie("value"))
      .map(([name, of]) => `${name}(${of})`),
    fc
      .tuple(tie("value"), fc.constantFrom("lowercase", "uppercase", "b64decode", "getFullYear"))
      .map(([of, name]) => `(${of}).${name}()`),
    fc.tuple(tie("test"), tie("value"), tie("value")).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
    fc.tuple(fc.constantFrom("map", "filter"), tie("test")).map(([name, of]) => `event.data.l.${name}(x, ${of})`),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
  ),
  test: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.tuple(tie("value"), fc.constantFrom("==", "!=", "<", ">=", "in"), tie("value")).map((parts) => parts.join(" ")),
    fc
      .tuple(tie("test"), fc.constantFrom("&&", "||"), tie("test"))
      .map(([a, operator, b]) => `(${a}) ${operator} ${b}`),
    tie("test").map((of) => `!(${of})`),
    fc
      .tuple(tie("value"), fc.constantFrom("contains", "startsWith"), tie("value"))
      .map(([of, name, part]) => `(${of}).${name}(${part})`),
    fc
      .tuple(tie("value"), fc.constantFrom("'(a+)+$'", "'[a-z]*b?'", "'('"))
      .map(([of, pattern]) => `(${of}).matches(${pattern})`),
    fc
      .tuple(fc.constantFrom("all", "exists", "exists_one"), tie("test"))
      .map(([name, of]) => `event.data.l.${name}(x, ${of})`),
    fc.constantFrom(...FIELDS).map((field) => `has(event.data.${field})`),
  ),
}));

const BOMBS = [
  "(".repeat(10_000),
  `${"(".repeat(500)}1${")".repeat(500)}`,
  "!!(".repeat(41),
  `${"!".repeat(1_000)}true`,
  `${"[".repeat(200)}${"]".repeat(200)}`,
  Array.from({ length: 201 }, () => "1").join(" + "),
  "event.data.l.all(a, event.data.l.all(b, event.data.l.all(c, event.data.l.all(d, true))))",
  "event.data.l.all(a, event.data.l.all(b, event.data.l.all(c, a == b || b == c)))",
  "event.data.l.map(a, event.data.l.map(b, string(a) + string(b))) == []",
  "(event.data.s + event.data.s + event.data.s + event.data.s + event.data.s).contains('z')",
  "event.data.s.matches('(a+)+$')",
  "event.data.s.matches('(a|a)*b')",
  "json_parse(event.data.deep) == json_parse(event.data.deep)",
  "event.data.l == event.data.l && event.data.l + event.data.l == []",
  "event.data.l.exists(x, event.data.l[99999] == x)",
];
const BOMB_EVENT = {
  data: {
    l: Array.from({ length: 1_000 }, (_, n) => n),
    s: "a".repeat(1_000_000),
    deep: "[".repeat(50_000) + "]".repeat(50_000),
  },
};

/** The value behind proxies, and how often anything in it was looked at. */
function counted(value: unknown): { value: unknown; looks: () => number } {
  let looks = 0;
  const known = new WeakMap<object, unknown>();
  const wrap = (inner: unknown): unknown => {
    if (typeof inner !== "object" || inner === null) return inner;
    const made = known.get(inner) ?? new Proxy(inner, handler);
    known.set(inner, made);
    return made;
  };
  const refuse = (): never => {
    throw new Error("An expression changes its event");
  };
  const handler: ProxyHandler<object> = {
    get: (target, name) => {
      looks += 1;
      return wrap(Reflect.get(target, name));
    },
    has: (target, name) => {
      looks += 1;
      return Reflect.has(target, name);
    },
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
  };
  return { value: wrap(value), looks: () => looks };
}

/** Looks at the event for one step of an evaluation: its field, the kind of what is there, its length. */
const LOOKS_PER_STEP = 16;

function evaluate(text: string, event: unknown, async: unknown): void {
  const compiled = compileExpression(text, { variables: VARIABLES });
  const watched = counted({ event, async });
  const context = { ...(watched.value as { event: unknown; async: unknown }), nowMs: NOW_MS };
  const { result, error } = compiled.explain(context);
  expect(watched.looks()).toBeLessThan(MAX_STEPS * LOOKS_PER_STEP);
  expect(compiled.evaluate(context)).toBe(result === true && error === undefined);
  const key = compiled.evaluateKey(context);
  expect(key === null || typeof key === "string").toBe(true);
}

describe("an expression", () => {
  const texts = fc.oneof(
    { weight: 5, arbitrary: grammar.test },
    { weight: 2, arbitrary: grammar.value },
    { weight: 2, arbitrary: bentText(grammar.test) },
    { weight: 1, arbitrary: hostileText },
    { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(..."()[]{}!-+&|=<>?:.,'\"\\ ae1"), maxLength: 60 }) },
  );
  const data = fc.record({ a: hostileJson, b: hostileJson, l: fc.array(hostileJson, { maxLength: 6 }) });
  const event = fc.oneof(
    hostileJson,
    data.map((members) => ({ data: members })),
  );

  it("is refused by code, or never throws and stays within its budget", async () => {
    let accepted = 0;
    await always(fc.tuple(texts, event, event), 1_500, ([text, first, second]) => {
      const compiled = outcome(() => compileExpression(text, { variables: VARIABLES }));
      if ("code" in compiled) return expect(compiled.code).toMatch(/^EXPRESSION_(INVALID|TOO_COMPLEX)$/);
      accepted += 1;
      evaluate(text, first, second);
    });
    expect(accepted).toBeGreaterThan(300);
  });

  it("answers the same, split into a key and a rest", async () => {
    await always(fc.tuple(grammar.test, event, event), 800, ([text, first, second]) => {
      const compiled = outcome(() => compileExpression(text, { variables: VARIABLES }));
      if ("code" in compiled) return;
      const plan = planMatch(text, first);
      const whole = compiled.value.evaluate({ event: first, async: second, nowMs: NOW_MS });
      if (plan === null) return expect(whole).toBe(false);
      // As it comes back from the table.
      const stored: typeof plan = JSON.parse(JSON.stringify(plan));
      const found = JSON.stringify(valuesOf(stored.fields, second)) === JSON.stringify(stored.values);
      expect(found && (stored.rest === null || fitsRest(stored.rest, second, NOW_MS))).toBe(whole);
    });
  });

  it.each(BOMBS.map((text) => [text.slice(0, 60), text] as const))(
    "%s is refused, or ends within its budget",
    (_, text) => {
      const compiled = outcome(() => compileExpression(text, { variables: VARIABLES }));
      if ("code" in compiled) return expect(compiled.code).toMatch(/^EXPRESSION_(INVALID|TOO_COMPLEX)$/);
      evaluate(text, BOMB_EVENT, BOMB_EVENT);
    },
  );
});
