/**
 * Goal: an event finds exactly those who wait for it: looking up a key and evaluating the rest says what evaluating the
 * whole expression says, and as much as can be a key is one.
 * Method: literal plans; and 8,000 random expressions, each asked of random events in both ways. The seed is printed.
 */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { compileExpression } from "../../../runtime/expressions/cel.js";
import { fitsRest, planMatch, valuesOf } from "../../../runtime/expressions/match-plan.js";

const EVENT = {
  name: "shop/order.placed",
  data: { orderId: "o_1", total: 5, tags: ["a"], plan: "pro", nothing: null },
};

const plan = (text?: string) => planMatch(text, EVENT);

describe("what becomes a key", () => {
  it.each<[string, string[], string[]]>([
    ["event.data.orderId == async.data.orderId", ['["data","orderId"]'], ['"o_1"']],
    ["async.data.orderId == event.data.orderId", ['["data","orderId"]'], ['"o_1"']],
    ["async.data['odd name'].x == 'y'", ['["data","odd name","x"]'], ['"y"']],
    ["async.data.list[0] == 1", ['["data","list",0]'], ["1"]],
    ["async.name == 'a/b' && async.data.n == 2.0", ['["data","n"]', '["name"]'], ["2", '"a/b"']],
    ["async.data.n == event.data.total + 1", ['["data","n"]'], ["6"]],
    ["async.data.n == -0.0", ['["data","n"]'], ["0"]],
    ["async.data.ok == true", ['["data","ok"]'], ["true"]],
    ["async.data.x == event.data.missing", ['["data","x"]'], ["null"]],
    ["async.data.x == event.data.nothing", ['["data","x"]'], ["null"]],
    ["event.data.plan == 'pro' && async.data.x == 1", ['["data","x"]'], ["1"]],
    ["async.data.x == 1 && async.data.x == 1.0", ['["data","x"]'], ["1"]],
  ])("%s", (text, fields, values) => {
    expect(plan(text)).toEqual({ fields, values, rest: null });
  });

  it("waits for any event without an expression", () => {
    expect(plan()).toEqual({ fields: [], values: [], rest: null });
  });

  it.each([
    "async.data.x == event.data.tags",
    "async.data.x == date('2026-01-01')",
    "async.data.x != 1",
    "async.data.x > event.data.total",
    "async.data.x == async.data.y",
    "async == event",
    "async.data[async.data.k] == 1",
    "lowercase(async.data.x) == 'a'",
    "async.data.x == 1 || async.data.y == 2",
    "async.data.at < now()",
  ])("leaves to be evaluated: %s", (text) => {
    expect(plan(text)?.fields).toEqual([]);
    expect(plan(text)?.rest?.left).toEqual([0]);
  });

  it.each([
    "event.data.plan == 'free' && async.data.x == 1",
    "async.data.x == 1 && event.data.plan == 'free'",
    "async.data.x == 1 && event.data.plan",
    "async.data.x == 1 && async.data.x == 2",
    "async.data.x == 1 && async.data.x == '1'",
    "async.data.x == event.data.orderId - 1",
    "false",
  ])("matches no event, so nobody waits: %s", (text) => {
    expect(plan(text)).toBeNull();
  });
});

describe("what is kept for later", () => {
  it("is only what the parts that are left read of the event that started the run", () => {
    const text =
      "event.data.orderId == async.data.orderId && async.data.total > event.data.total && has(event.data.plan)";
    expect(plan(text)).toEqual({
      fields: ['["data","orderId"]'],
      values: ['"o_1"'],
      rest: { text, left: [1], event: { data: { total: 5 } } },
    });
  });

  it("keeps a list whole", () => {
    expect(plan("event.data.tags[0] in async.data.tags")?.rest?.event).toEqual({ data: { tags: ["a"] } });
  });

  it("keeps all of the event where all of it is read", () => {
    expect(plan("async.data.x in [event]")?.rest?.event).toEqual(EVENT);
  });

  it("knows the time an event was received as now()", () => {
    const rest = plan("date(async.data.until) > now()")?.rest;
    expect(rest).toBeDefined();
    const async = { data: { until: "2026-03-02T09:00:00Z" } };
    const untilMs = Date.UTC(2026, 2, 2, 9);
    expect(rest && fitsRest(rest, async, untilMs - 1)).toBe(true);
    expect(rest && fitsRest(rest, async, untilMs)).toBe(false);
  });
});

describe("what an event looks up", () => {
  const fields = ['["data","a"]', '["data","l",0]'];

  it("is what it holds in those fields, a missing one being null", () => {
    expect(valuesOf(fields, { data: { a: 1, l: ["x"] } })).toEqual(["1", '"x"']);
    expect(valuesOf(fields, { data: { a: "1" } })).toEqual(['"1"', "null"]);
    expect(valuesOf(fields, {})).toEqual(["null", "null"]);
  });

  it("is nothing where a field holds a list or a map", () => {
    expect(valuesOf(fields, { data: { a: [1] } })).toBeNull();
    expect(valuesOf(fields, { data: { a: {} } })).toBeNull();
  });

  it("does not see inherited fields", () => {
    expect(valuesOf(['["data","constructor"]', '["data","__proto__","x"]'], { data: {} })).toEqual(["null", "null"]);
  });
});

it("refuses what is no expression, with the place marked", () => {
  expect(() => plan("async.data.x ==")).toThrow(/Cannot read expression/);
  expect(() => plan("other.data.x == 1")).toThrow(/"other" is not known/);
});

describe("random expressions", () => {
  const ROUNDS = 8_000;
  const seed = 20_260_302;

  it(`say the same in both ways (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const pick = <T>(...choices: [T, ...T[]]): T => choices[Math.floor(random.unit() * choices.length)] ?? choices[0];
    const values = () => pick<unknown>(0, 1, -1, 1.5, "", "1", "a", true, false, null, [1], { p: 1 }, ["a", 1], -0);
    const literals = () => pick("0", "1", "1.0", "-1", "-0.0", "''", "'1'", "'a'", "true", "false", "null", "[1]");
    const fields = () => pick("x", "y", "z");
    const data = () => {
      const members: Record<string, unknown> = {};
      for (const name of ["x", "y", "z"]) if (random.unit() < 0.8) members[name] = values();
      return members;
    };
    const of = (root: string) =>
      pick(
        `${root}.data.${fields()}`,
        `${root}.data['${fields()}']`,
        `${root}.data.${fields()}.p`,
        `${root}.data.x[0]`,
      );
    const operand = () => pick(of("async"), of("event"), literals(), `${of("event")} + ${literals()}`);
    const comparison = () =>
      pick(
        `${of("async")} == ${of("event")}`,
        `${of("async")} == ${literals()}`,
        `${operand()} == ${operand()}`,
        `${operand()} ${pick("!=", "<", ">=", "==")} ${operand()}`,
      );
    const part = (): string =>
      pick(
        comparison(),
        comparison(),
        comparison(),
        of("async"),
        of("event"),
        literals(),
        `!(${comparison()})`,
        `has(${pick("async", "event")}.data.${fields()})`,
        `(${comparison()} || ${comparison()})`,
        `(${comparison()} && ${operand()})`,
        `[1, 'a'].exists(i, i == ${operand()})`,
      );
    let matched = 0;
    let keyed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const text = Array.from({ length: 1 + Math.floor(random.unit() * 3) }, part).join(" && ");
      const event = { data: data() };
      const compiled = compileExpression(text, { variables: ["event", "async"] });
      const planned = planMatch(text, event);
      // As it comes back from the table.
      const stored: typeof planned = JSON.parse(JSON.stringify(planned));
      for (let arrival = 0; arrival < 4; arrival += 1) {
        const async = { data: random.unit() < 0.3 ? event.data : data() };
        const whole = compiled.evaluate({ event, async });
        const found =
          stored !== null && JSON.stringify(valuesOf(stored.fields, async)) === JSON.stringify(stored.values);
        const split = found && (stored.rest === null || fitsRest(stored.rest, async, 0));
        if (whole !== split) expect.fail(`${text}\n${JSON.stringify({ event, async, stored, whole, split })}`);
        if (whole) matched += 1;
        if (whole && stored && stored.fields.length > 0) keyed += 1;
      }
    }
    // The comparison means something only when events do match, by keys too.
    expect(matched).toBeGreaterThan(ROUNDS / 10);
    expect(keyed).toBeGreaterThan(ROUNDS / 50);
  });
});
