/**
 * Goal: expressions mean what users of this dialect expect, whatever a stranger's event holds; what cannot be meant is
 * refused at registration with the place marked; nothing that was accepted throws, or costs more than its budget.
 * Method: literal tables of expression → result over one event, of refusals with their caret, and hostile data. Cost is
 * asserted through the step budget, never through time.
 */
import { describe, expect, it } from "vitest";
import { PerdureError } from "../../../sdk/error-catalogue.js";
import { compileExpression, type ExpressionContext } from "../../../runtime/expressions/cel.js";

const EVENT = {
  name: "shop/order.paid",
  ts: 1_750_000_000_000,
  data: {
    total: 120.5,
    count: 3,
    zero: 0,
    empty: "",
    nothing: null,
    yes: true,
    no: false,
    plan: "pro",
    big: 9_007_199_254_740_991,
    text: "Hello Wörld 😀",
    tags: ["a", "b", "c"],
    items: [
      { sku: "x", qty: 2 },
      { sku: "y", qty: 5 },
    ],
    nested: { deep: { er: { value: 7 } } },
    "odd name": 1,
    when: "2025-06-15T12:00:00Z",
    json: '{"a":[1,2]}',
    base64: "aMOpbGxv",
  },
};

const compile = (text: string) => compileExpression(text, { variables: ["event", "async"] });
const result = (text: string, context: Partial<ExpressionContext> = {}): unknown =>
  compile(text).explain({ event: EVENT, ...context }).result;
const failure = (text: string, event: unknown = EVENT): string | undefined => compile(text).explain({ event }).error;

function refusal(text: string, variables: readonly ("event" | "async")[] = ["event"]): PerdureError {
  try {
    compileExpression(text, { variables });
  } catch (error) {
    if (error instanceof PerdureError) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("compileExpression()", () => {
  it.each<[string, unknown]>([
    ["event.data.plan == 'pro'", true],
    ["event.data.total > 100 && event.data.count <= 3", true],
    ['event.name == "shop/order.paid"', true],
    ["event.data['odd name'] == 1", true],
    ["event.data.nested.deep.er.value == 7", true],
    ["event.data.items[1].sku == 'y'", true],
    ["event.data.tags[0] + event.data.tags[2]", "ac"],
    ["event.ts == 1750000000000", true],
    ["'a' in event.data.tags", true],
    ["'z' in event.data.tags", false],
    ["'total' in event.data", true],
    ["5 in [1, 2, 5]", true],
    ["event.data.plan in ['free', 'pro']", true],
    ["{'a': 1}['a']", 1],
    ["event.data.total > 200 ? 'high' : 'low'", "low"],
    ["!(event.data.yes) || event.data.no", false],
    ["-event.data.count", -3],
    ["[1, 2] + [3]", [1, 2, 3]],
    ["event.data.items == [{'sku': 'x', 'qty': 2}, {'qty': 5, 'sku': 'y'}]", true],
    ["event.data.tags != ['a', 'b']", true],
    ["// a comment\nevent.data.yes", true],
    ["r'\\d' == '\\\\d'", true],
    ["'''it's'''", "it's"],
    ["0x10 + 5u", 21],
  ])("reads %s as %j", (text, value) => {
    expect(result(text)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ["event.data.missing == null", true],
    ["event.data.missing.at.any.depth == null", true],
    ["event.data.missing['x'][0].y == null", true],
    ["event.data.plan.nothing.here == null", true],
    ["event.data.tags[99] == null", true],
    ["event.data.tags[-1] == null", true],
    ["event.data.tags[0.5] == null", true],
    ["event.data.missing == 5", false],
    ["event.data.missing != 5", true],
    ["event.data.missing == event.data.nothing", true],
    ["event.data.missing < -5", true],
    ["event.data.missing <= 0", true],
    ["event.data.missing > -5", false],
    ["event.data.missing >= 0", false],
    ["5 < event.data.missing", false],
    ["5 > event.data.missing", true],
    ["event.data.missing <= event.data.nothing", true],
    ["event.data.missing < event.data.nothing", false],
    ["event.data.nothing < 5", true],
    ["event.data.nothing < -5", false],
    ["event.data.nothing >= 0", true],
    ["event.data.nothing < 'a'", true],
    ["event.data.nothing == 0", false],
    ["event.data.nothing == ''", false],
    ["size(event.data.missing)", 0],
    ["event.data.missing.size()", 0],
    ["event.data.missing.startsWith('a')", false],
    ["event.data.plan.contains(event.data.missing)", false],
    ["event.data.missing.matches('a')", false],
    ["lowercase(event.data.missing)", false],
    ["'a' in event.data.missing", false],
    ["event.data.missing.exists(x, true)", false],
    ["event.data.missing.all(x, true)", false],
    ["event.data.missing.filter(x, true)", []],
    ["has(event.data.missing)", false],
    ["has(event.data.missing.deeper)", false],
    ["has(event.data.plan)", true],
    ["has(event.data.nothing)", true],
    ["!event.data.missing", true],
    ["event.missing || 'x'", "x"],
    ["async.data.x == null", true],
  ])("takes a missing field for null: %s is %j", (text, value) => {
    expect(result(text)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ["event.data.count == 3.0", true],
    ["event.data.count < 3.5", true],
    ["1 == 1.0", true],
    ["2 > 1.5", true],
    ["3 in [1.0, 3.0]", true],
    ["event.data.big == 9007199254740991", true],
    ["7 / 2", 3.5],
    ["event.data.count * 2 - 1", 5],
    ["7 % 4", 3],
    ["int(7.9)", 7],
    ["int(-7.9)", -7],
    ["int('42') + 1", 43],
    ["double('1.5e3')", 1500],
    ["'order-' + event.data.count", "order-3"],
    ["event.data.total + '€'", "120.5€"],
    ["'is ' + event.data.yes", "is true"],
    ["string(event.data.total)", "120.5"],
    ["1 == '1'", false],
    ["true == 1", false],
    ["false < true", true],
    ["'B' < 'a'", true],
  ])("counts in doubles and joins text: %s is %j", (text, value) => {
    expect(result(text)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ["event.data.zero && true", 0],
    ["event.data.empty || 'default'", "default"],
    ["event.data.plan && event.data.count", 3],
    ["event.data.plan || 'x'", "pro"],
    ["event.data.tags && true", true],
    ["!event.data.empty", true],
    ["!!event.data.plan", true],
    ["event.data.zero ? 1 : 2", 2],
    ["event.data.plan < 5 || true", true],
    ["true || event.data.plan < 5", true],
    ["false && event.data.plan < 5", false],
    ["event.data.plan < 5 && false", false],
  ])("takes any value as true or false, as JavaScript does: %s is %j", (text, value) => {
    expect(result(text)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ["size(event.data.text)", 13],
    ["event.data.tags.size()", 3],
    ["size(event.data.nested)", 1],
    ["event.data.text.startsWith('Hello')", true],
    ["event.data.text.endsWith('😀')", true],
    ["event.data.text.contains('Wör')", true],
    ["event.data.text.matches('^H.*W.rld .$')", true],
    ["matches(event.data.plan, '(?i)PRO')", true],
    ["lowercase('ÀB')", "àb"],
    ["uppercase('ß1')", "SS1"],
    ["b64decode(event.data.base64)", "héllo"],
    ["json_parse(event.data.json).a[1]", 2],
    ["bool('true')", true],
    ["dyn(event.data.missing) == null", true],
    ["event.data.items.exists(i, i.qty > 4)", true],
    ["event.data.items.all(i, i.qty > 1)", true],
    ["event.data.items.exists_one(i, i.sku == 'x')", true],
    ["event.data.items.map(i, i.qty)", [2, 5]],
    ["event.data.items.map(i, i.qty > 2, i.sku)", ["y"]],
    ["event.data.items.filter(i, i.qty > 2).map(i, i.sku + '!')", ["y!"]],
    ["event.data.nested.exists(key, key == 'deep')", true],
    ["[1, 'a', 3].exists(x, x > 2)", true],
    ["[1, 'a', 3].all(x, x > 2)", false],
  ])("knows the functions: %s is %j", (text, value) => {
    expect(result(text)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ["date(event.data.when) < date('2025-06-15T14:00:01+02:00')", true],
    ["date('2025-06-15') == timestamp('2025-06-15T00:00:00Z')", true],
    ["date('2025-06-15 10:00') == date('2025-06-15T10:00:00Z')", true],
    ["date(1750000000) == date(event.ts)", true],
    ["date(event.data.when) + duration('1h30m') > date('2025-06-15T13:29:59Z')", true],
    ["date('2025-06-15') - date('2025-06-14') == duration('1d')", true],
    ["date(event.data.when).getFullYear()", 2025],
    ["date(event.data.when).getMonth()", 5],
    ["date(event.data.when).getDayOfWeek()", 0],
    ["date(event.data.when).getDayOfYear()", 165],
    ["date(event.data.when).getHours()", 12],
    ["now_minus('1h') < now() && now() < now_plus('1s')", true],
    ["now() == date(1700000000000)", true],
    ["string(date(0))", "1970-01-01T00:00:00.000Z"],
  ])("knows time, given the time: %s is %j", (text, value) => {
    expect(result(text, { nowMs: 1_700_000_000_000 })).toEqual(value);
  });

  it("compares the event that started a run with the one that arrives", () => {
    const expression = compile("async.data.id == event.data.id && async.data.amount >= 10.0");
    const event = { data: { id: "o-1" } };
    expect(expression.evaluate({ event, async: { data: { id: "o-1", amount: 10 } } })).toBe(true);
    expect(expression.evaluate({ event, async: { data: { id: "o-2", amount: 10 } } })).toBe(false);
    expect(expression.evaluate({ event })).toBe(false);
  });
});

describe("CompiledExpression.evaluate() and explain()", () => {
  it.each([
    ["event.data.plan", "the result is a string, which counts as false; expected a bool"],
    ["event.data.count", "the result is a number, which counts as false; expected a bool"],
    ["event.data.missing", "the result is a missing, which counts as false; expected a bool"],
    ["event.data.plan > 5", "a string and a number have no order"],
    ["event.data.tags < event.data.tags", "a list and a list have no order"],
    ["event.data.missing + 'x' == 'x'", "a missing and a string have no sum"],
    ["event.data.count + event.data.yes == 4", "a number and a bool have no sum"],
    ["event.data.plan * 2 == 4", '"*" takes two numbers, not a string and a number'],
    ["1 / event.data.zero > 0", "it divides by zero"],
    ["1 % 0 == 0", "it divides by zero"],
    ["'a' in event.data.plan", '"in" takes a list or a map, not a string'],
    ["event.data.count.startsWith('3')", "startsWith takes two strings, not a number and a string"],
    ["event.data.count.exists(x, true)", "a loop takes a list or a map, not a number"],
    ["int('4x') == 4", "int takes a number or a string that is one, not this string"],
    ["json_parse('{') == 1", "json_parse was given text that is not JSON"],
    ["now() > date(0)", "the time is not known here"],
    ["date('2025-13-01') == date(0)", "date takes a date, not this string"],
    ["duration('5x') == duration('5s')", 'a duration is a string such as "1h30m"'],
    ["-event.data.plan == 1", "a string has no negative"],
    ["event.data.plan < 5 || event.data.no", "a string and a number have no order"],
    ["[1, 'a'].all(x, x > 0)", "a string and a number have no order"],
  ])("is false for %s, and says why", (text, reason) => {
    expect(compile(text).evaluate({ event: EVENT })).toBe(false);
    expect(failure(text)).toBe(reason);
  });

  it("gives no reason for a plain true or false", () => {
    expect(compile("event.data.yes").explain({ event: EVENT })).toEqual({ result: true });
    expect(compile("event.data.no").explain({ event: EVENT })).toEqual({ result: false });
  });

  it("is false, not an error, for events that are no events", () => {
    for (const event of [undefined, null, 5, "text", [], {}]) {
      expect(compile("event.data.x == 1").evaluate({ event })).toBe(false);
      expect(compile("event.data.x.exists(y, y == 1)").evaluate({ event })).toBe(false);
    }
  });
});

describe("CompiledExpression.evaluateKey()", () => {
  it.each<[string, string | null]>([
    ["event.data.plan", "pro"],
    ["event.data.count", "3"],
    ["event.data.total", "120.5"],
    ["event.data.yes", "true"],
    ["event.data.plan + '-' + event.data.count", "pro-3"],
    ["'global'", "global"],
    ["event.data.empty", ""],
    ["event.data.tags", '["a","b","c"]'],
    ["date(0)", "1970-01-01T00:00:00.000Z"],
    ["event.data.missing", null],
    ["event.data.nothing", null],
    ["event.data.missing + '-x'", null],
    ["event.data.plan > 5", null],
    ["date(8640000000000000) + duration('1d')", null],
  ])("gives for %s the key %j", (text, key) => {
    expect(compile(text).evaluateKey({ event: EVENT })).toBe(key);
  });
});

describe("refusals at registration", () => {
  it.each([
    ["", "it is empty", 0],
    ["event.data.x ==", "it ends too early", 15],
    ["(1", "it ends too early", 2],
    ["event.data.x = 5", '"=" stands alone; expected "=="', 13],
    ["event.a & event.b", '"&" stands alone; expected "&&"', 8],
    ['event.data.x == "a', "unterminated string", 16],
    ["event b", '"b" does not fit here', 6],
    ["1 +* 2", '"*" does not fit here', 3],
    ["event.in", 'a field name of letters, digits and _, or ["in"] for any other', 6],
    ["event.é", 'or ["é"] for any other', 6],
    ["'\\q'", "invalid escape sequence", 1],
    ["evnt.data", '"evnt" is not known; expected event', 0],
    ["async.data.x", '"async" is not known (async is the awaited event, known in waits and cancels only)', 0],
    ["event.x.foo()", "the function foo is not known; expected one of size, contains", 8],
    ["constructor('x')", "the function constructor is not known", 0],
    ["size()", "size is given 0 arguments; expected 1", 0],
    ["event.x.startsWith()", "startsWith is given 0 arguments; expected 1", 8],
    ["startsWith('a', 'b')", "startsWith is not called so; expected value.startsWith(…)", 0],
    ["has(event)", "has does not name a field; expected has(event.data.field)", 4],
    ["event.l.exists(i)", "exists is given 1 arguments; expected 2", 8],
    ["event.l.exists(1, true)", "invalid predicate iteration variable", 15],
    ["event.l.exists(event, true)", '"event" is taken; expected another name', 15],
    ["event.l.exists(i, event.m.all(j, j == i))", "all stands inside another loop", 26],
    ["event.l.map(i, i.filter(j, true))", "filter stands inside another loop", 17],
    ["event.x.matches(event.y)", "the pattern is not written out", 22],
    ["event.x.matches('(a')", '"(" is not closed', 16],
    ["event.x.matches('a(?!b)')", "look-around and flags inside a pattern are not supported", 16],
    ["event.x.matches('(a)\\\\1')", '"\\1" is not supported', 16],
    ["event.x.matches('(a{100}){100}')", "its repetitions are worth more than 500 steps", 16],
    ["b'abc'", "bytes are not supported", 0],
    ["event.?x", "does not fit here", 6],
    ["__proto__", "reserved identifier", 0],
  ])("refuses %j: %s (at %i)", (text, message, position) => {
    const error = refusal(text);
    expect(error.code).toBe("EXPRESSION_INVALID");
    expect(error.message).toContain(message);
    const [, line = "", caret = ""] = /\n\n(.*)\n(.*)$/.exec(error.message) ?? [];
    expect(line).toBe(`  ${text}`);
    expect(caret).toBe(`${" ".repeat(2 + position)}^`);
  });

  it("refuses what is not text, from callers without types", () => {
    for (const value of [undefined, null, 5, {}, ["true"]]) {
      const call = (): unknown => Reflect.apply(compileExpression, undefined, [value, { variables: ["event"] }]);
      expect(call).toThrow("it is not text; expected an expression");
    }
  });

  it("points into the line of a longer text, and cuts a long line", () => {
    expect(refusal("event.a\n  && event.b = 1").message.split("\n").slice(-2)).toEqual([
      "    && event.b = 1",
      "               ^",
    ]);
    const long = refusal(`${"event.a && ".repeat(20)}event.b = 1 && ${"event.c && ".repeat(20)}true`).message;
    const [line = "", caret = ""] = long.split("\n").slice(-2);
    expect(line.charAt(caret.indexOf("^"))).toBe("=");
    expect(line.length).toBeLessThan(110);
  });

  it.each([
    ["1,025 characters", `${" ".repeat(1_021)}true`, "it has 1025 characters; expected at most 1024"],
    ["10,000 parentheses", "(".repeat(10_000), "it has 10000 characters"],
    ["33 parentheses", `${"(".repeat(33)}true${")".repeat(33)}`, "it is nested too deep; expected at most 32 levels"],
    ["a thousand parentheses", "(".repeat(1_000), "nested too deep"],
    ["the !!( motif", "!!(".repeat(42), "nested too deep"],
    ["a thousand !", `${"!".repeat(1_000)}true`, "nested too deep"],
    ["a thousand -", `${"-".repeat(1_000)}1`, "nested too deep"],
    ["33 lists", `${"[".repeat(33)}${"]".repeat(33)}`, "nested too deep"],
    ["33 branches", `${"1 ? ".repeat(33)}1${" : 2".repeat(33)}`, "nested too deep"],
    ["33 arguments", `${"size(".repeat(33)}1${")".repeat(33)}`, "nested too deep"],
    ["right-leaning sums", `${"1+(".repeat(33)}1${")".repeat(33)}`, "nested too deep"],
    ["300 fields", `event${".a".repeat(300)}`, "nested too deep"],
    ["201 parts", `1${"+1".repeat(100)}`, "it has too many parts; expected at most 200 parts"],
  ])("refuses %s", (_, text, message) => {
    const error = refusal(text);
    expect(error.code).toBe("EXPRESSION_TOO_COMPLEX");
    expect(error.message).toContain(message);
  });

  it("accepts what lies just within the bounds", () => {
    for (const text of [
      `${" ".repeat(1_020)}true`,
      `${"(".repeat(32)}true${")".repeat(32)}`,
      `1${"+1".repeat(99)}`,
      Array.from({ length: 40 }, (_, i) => `event.f${i} == ${i}`).join(" && "),
      "'((((((((((((((((((((((((((((((((((((((((((' == '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['",
      "event.a != 1 // ((((((((((((((((((((((((((((((((((((((((((((((((((((((",
    ]) {
      expect(() => compile(text)).not.toThrow();
    }
  });
});

describe("hostile data", () => {
  it("sees own fields only", () => {
    const event: unknown = JSON.parse('{"data":{"__proto__":{"admin":true},"x":{}},"s":"text","l":[1]}');
    for (const path of ["constructor", "toString", "hasOwnProperty", "x.__proto__", "x.constructor.name"]) {
      expect(compile(`event.data.${path} == null`).evaluate({ event })).toBe(true);
      expect(compile(`has(event.data.${path})`).evaluate({ event })).toBe(false);
    }
    for (const text of [
      "event.s.length",
      "event.l.length",
      "event.l['length']",
      "event.l.constructor",
      "event['__proto__']",
    ]) {
      expect(compile(`${text} == null`).evaluate({ event })).toBe(true);
    }
    expect(compile("event.data.__proto__.admin == true").evaluate({ event })).toBe(true);
    expect(compile("'constructor' in event.data").evaluate({ event })).toBe(false);
  });

  it("makes no prototype out of a map literal", () => {
    expect(result("{'__proto__': {'admin': true}}.admin == null")).toBe(true);
    expect(result("{'__proto__': {'admin': true}}['__proto__'].admin")).toBe(true);
    expect(Reflect.get({}, "admin")).toBeUndefined();
  });

  it("ends within its budget on a list of a million", () => {
    const event = { l: Array.from({ length: 1_000_000 }, (_, index) => index) };
    const spent = "it takes more than 100000 steps";
    for (const text of [
      "event.l.exists(x, x < 0)",
      "event.l.all(x, x >= 0)",
      "event.l.filter(x, true) == event.l",
      "-1 in event.l",
      "event.l.map(x, 'a' + x).size() > 0",
      "event.l.exists(x, x > 'a')",
      "event.l.exists(x, x < 0) || true",
      "true && !event.l.exists(x, x < 0)",
      "event.l.exists(x, x in event.l && false)",
    ]) {
      expect(failure(text, event)).toBe(spent);
      expect(compile(text).evaluate({ event })).toBe(false);
    }
    expect(compile("event.l.exists(x, x == 5)").evaluate({ event })).toBe(true);
    expect(compile("event.l.size() == 1000000").evaluate({ event })).toBe(true);
  });

  it("ends within its budget on a megabyte of text", () => {
    const event = { s: "a".repeat(1_048_576), t: "a".repeat(1_048_575) };
    expect(compile("event.s.contains('b') == false && event.s != event.t").evaluate({ event })).toBe(true);
    expect(failure("event.s + event.s + event.s == 'x'", event)).toBe("it builds text of more than 2097152 characters");
    expect(failure("event.s.matches('(a+)+$')", event)).toBe("it takes more than 100000 steps");
    expect(failure("event.s.matches('(a|a)*b')", event)).toBe("it takes more than 100000 steps");
    expect(compile("event.s.startsWith('aaa') && event.s.size() == 1048576").evaluate({ event })).toBe(true);
  });

  it("does not compare without end, or fail on what is nested deep", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(failure("event.a == event.b", { a: deep, b: deep })).toContain("values nested more than 100 levels");
    expect(
      failure("json_parse(event.s) == json_parse(event.s)", { s: `${"[".repeat(5_000)}${"]".repeat(5_000)}` }),
    ).toContain("values nested more than 100 levels");
  });
});

describe("the cache", () => {
  it("gives the same expression for the same text and variables", () => {
    const first = compileExpression("event.data.cached == 1", { variables: ["event"] });
    expect(compileExpression("event.data.cached == 1", { variables: ["event"] })).toBe(first);
    expect(compileExpression("event.data.cached == 1", { variables: ["event", "async"] })).not.toBe(first);
  });

  it("forgets what was not used for longest", () => {
    const first = compile("event.data.first == 1");
    const second = compile("event.data.second == 1");
    for (let i = 0; i < 999; i++) {
      compile(`event.data.x == ${i}`);
      if (i === 500) compile("event.data.first == 1");
    }
    expect(compile("event.data.first == 1")).toBe(first);
    expect(compile("event.data.second == 1")).not.toBe(second);
  });
});
