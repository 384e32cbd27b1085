/**
 * Goal: a function that could never run as written is refused when it is written.
 * Method: options and triggers in, configuration or error message out, as literals.
 */
import { describe, expect, it } from "vitest";
import { eventType, Perdure, PerdureError } from "../../../sdk/index.js";

const client = new Perdure({ id: "shop" });

/** The configuration the options come to, or the code and message of the refusal. As a caller without types. */
function configOf(options: object): unknown {
  try {
    return Reflect.apply(client.createFunction, client, [options, () => undefined]).config;
  } catch (error) {
    if (error instanceof PerdureError) return `${error.code}: ${error.message}`;
    throw error;
  }
}
const triggersOf = (triggers: unknown): unknown => configOf({ id: "f", triggers });
const trigger = { event: "a/b" };

describe("options of a function", () => {
  it("are its id, name and retries, with defaults", () => {
    expect(configOf({ id: "f", triggers: trigger, name: "F", retries: 20 })).toEqual({
      id: "f",
      name: "F",
      triggers: [{ event: "a/b" }],
      retries: 20,
    });
    expect(configOf({ id: "x".repeat(80), triggers: trigger, name: undefined, retries: undefined })).toMatchObject({
      name: "x".repeat(80),
      retries: 4,
    });
    expect(configOf({ id: "f", triggers: trigger, retries: 0 })).toMatchObject({ retries: 0 });
    expect(configOf({ id: "f", triggers: trigger, idempotency: "event.data.id" })).toMatchObject({
      idempotency: "event.data.id",
    });
  });

  it.each([
    [{}, { firstMs: 2_000, factor: 4, longestMs: 3_600_000 }],
    [{ first: "5s" }, { firstMs: 5_000, factor: 4, longestMs: 3_600_000 }],
    [{ first: "2h" }, { firstMs: 7_200_000, factor: 4, longestMs: 7_200_000 }],
    [
      { first: 250, factor: 1, longest: "1s" },
      { firstMs: 250, factor: 1, longestMs: 1_000 },
    ],
    [
      { first: 0, longest: 0 },
      { firstMs: 0, factor: 4, longestMs: 0 },
    ],
  ])("a backoff of %j is %j", (backoff, read) => {
    expect(configOf({ id: "f", triggers: trigger, backoff })).toMatchObject({ backoff: read });
  });

  it.each([
    [1, [{ limit: 1, scope: "function", hold: "step" }]],
    [1_000, [{ limit: 1_000, scope: "function", hold: "step" }]],
    [{ limit: 10 }, [{ limit: 10, scope: "function", hold: "step" }]],
    [{ limit: 3, hold: "run" }, [{ limit: 3, scope: "function", hold: "run" }]],
    [{ limit: 3, key: undefined, scope: undefined, hold: undefined }, [{ limit: 3, scope: "function", hold: "step" }]],
    [
      { limit: 2, key: "event.data.customerId", scope: "function", hold: "step" },
      [{ limit: 2, key: "event.data.customerId", scope: "function", hold: "step" }],
    ],
    [
      [{ limit: 2, key: "'openai'", scope: "app", hold: "run" }],
      [{ limit: 2, key: "'openai'", scope: "app", hold: "run" }],
    ],
    [
      [{ limit: 50 }, { limit: 2, key: "event.data.customerId" }],
      [
        { limit: 50, scope: "function", hold: "step" },
        { limit: 2, key: "event.data.customerId", scope: "function", hold: "step" },
      ],
    ],
    // One key, whose places are the function's in one limit and the app's in the other.
    [
      [
        { limit: 2, key: "event.data.a" },
        { limit: 5, key: "event.data.a", scope: "app" },
      ],
      [
        { limit: 2, key: "event.data.a", scope: "function", hold: "step" },
        { limit: 5, key: "event.data.a", scope: "app", hold: "step" },
      ],
    ],
    [[], []],
  ])("a concurrency of %j is %j", (concurrency, read) => {
    expect(configOf({ id: "f", triggers: trigger, concurrency })).toEqual({
      id: "f",
      name: "f",
      triggers: [{ event: "a/b" }],
      retries: 4,
      concurrency: read,
    });
  });

  it("are not those of its onFailure, which waits for nobody's place", () => {
    const { config, failure } = client.createFunction(
      { id: "f", triggers: trigger, retries: 1, concurrency: 1, onFailure: () => undefined },
      () => undefined,
    );
    expect(config.concurrency).toEqual([{ limit: 1, scope: "function", hold: "step" }]);
    expect(failure?.config).toMatchObject({ id: "f-failure", retries: 1 });
    expect(failure?.config).not.toHaveProperty("concurrency");
  });

  it.each([
    ["5", 'its concurrency is "5"; expected 10 or { limit: 10, key: "event.data.customerId" }'],
    [null, "its concurrency is null; expected 10 or { limit"],
    [true, "its concurrency is true; expected 10 or { limit"],
    [[5], "its concurrency is 5; expected 10 or { limit"],
    [[null], "its concurrency is null; expected 10 or { limit"],
    [Array.from({ length: 3 }, () => ({ limit: 1 })), "its concurrency has 3 limits; expected at most 2"],
    [{}, "the limit of its concurrency is undefined; expected a whole number from 1 to 1000"],
    [0, "the limit of its concurrency is 0; expected a whole number from 1 to 1000"],
    [-1, "the limit of its concurrency is -1; expected a whole number"],
    [1.5, "the limit of its concurrency is 1.5; expected a whole number"],
    [1_001, "the limit of its concurrency is 1001; expected a whole number"],
    [NaN, "the limit of its concurrency is NaN; expected a whole number"],
    [Infinity, "the limit of its concurrency is Infinity; expected a whole number"],
    [{ limit: "5" }, 'the limit of its concurrency is "5"; expected a whole number'],
    [{ limit: { toString: {} } }, 'the limit of its concurrency is {"toString":{}}; expected a whole number'],
    [{ max: 5 }, 'its concurrency has the unknown member "max"; expected limit, key, scope, hold'],
    [[{ limit: 5 }, { limit: 5, keys: "event.id" }], 'its concurrency has the unknown member "keys"'],
    [{ limit: 5, key: "" }, 'the key of its concurrency is ""; expected a CEL expression such as "event.data.'],
    [{ limit: 5, key: " \n" }, 'the key of its concurrency is " \\n"; expected a CEL expression'],
    [{ limit: 5, key: null }, "the key of its concurrency is null; expected a CEL expression"],
    [{ limit: 5, key: () => "a" }, 'the key of its concurrency is () => "a"; expected a CEL expression'],
    [{ limit: 5, scope: "app" }, 'its concurrency has the scope "app" and no key; expected a key such as "\'openai\'"'],
    [{ limit: 5, scope: "account" }, 'the scope of its concurrency is "account"; expected "function" or "app"'],
    [{ limit: 5, scope: null }, "the scope of its concurrency is null; expected"],
    [{ limit: 5, hold: "job" }, 'the hold of its concurrency is "job"; expected "step" or "run"'],
    [[{ limit: 1 }, { limit: 2 }], "its concurrency has two limits of one scope and key; expected each once"],
    [
      [
        { limit: 1, key: "event.id", scope: "function" },
        { limit: 2, key: "event.id", hold: "run" },
      ],
      "its concurrency has two limits of one scope and key",
    ],
    [
      [
        { limit: 1, key: "'a'", scope: "app" },
        { limit: 2, key: "'a'", scope: "app" },
      ],
      "its concurrency has two limits of one scope and key",
    ],
  ])("a concurrency of %j is refused", (concurrency, message) => {
    const refusal = configOf({ id: "f", triggers: trigger, concurrency });
    expect(refusal).toContain(`FUNCTION_INVALID: Cannot create function "f": ${message}`);
  });

  it.each([
    [
      { id: "Process Document" },
      "its id is not usable; expected at most 80 lowercase letters, digits and hyphens, such as",
    ],
    [{ id: "x".repeat(81) }, "its id is not usable"],
    [{ id: undefined }, "its id is not usable"],
    [{ id: { toString: 1 } }, 'Cannot create function "[object Object]": its id is not usable'],
    [{ id: "f", name: "" }, "its name is not usable; expected 1 to 255 characters"],
    [{ id: "f", name: "n".repeat(256) }, "its name is not usable"],
    [{ id: "f", retries: 21 }, "its retries are 21; expected a whole number from 0 to 20"],
    [{ id: "f", retries: -1 }, "its retries are -1"],
    [{ id: "f", retries: 1.5 }, "its retries are 1.5"],
    [{ id: "f", retries: NaN }, "its retries are NaN"],
    [{ id: "f", retries: "3" }, 'its retries are "3"'],
    [{ id: "f", idempotency: " " }, "its idempotency is not text; expected a CEL expression"],
    [{ id: "f", idempotency: () => 1 }, "its idempotency is not text"],
    [{ id: "f", backoff: "1m" }, "its backoff is no object; expected { first:"],
    [{ id: "f", backoff: { initial: 1 } }, 'its backoff has the unknown member "initial"'],
    [{ id: "f", backoff: { factor: 0.5 } }, "the factor of its backoff is 0.5; expected a number from 1 to 100"],
    [{ id: "f", backoff: { factor: NaN } }, "the factor of its backoff is NaN"],
    // What cannot be made into text is still refused, and by name.
    [{ id: "f", retries: { toString: {} } }, 'its retries are {"toString":{}}; expected a whole number'],
    [{ id: "f", parallel: { toString: {} } }, 'its parallel is {"toString":{}}; expected "in-turn"'],
    [
      { id: "f", backoff: { factor: { toString: {} } } },
      'the factor of its backoff is {"toString":{}}; expected a number',
    ],
    [{ id: "f", backoff: { first: "soon" } }, "the first of its backoff is no duration"],
    [{ id: "f", backoff: { first: -1 } }, "the first of its backoff is no duration"],
    [{ id: "f", backoff: { longest: "2y" } }, "the longest of its backoff is no duration"],
    [
      { id: "f", backoff: { first: "1m", longest: "1s" } },
      "its backoff begins with 60000 ms and ends with 1000 ms; expected longest not below first",
    ],
    [{ id: "f", retry: 3 }, 'there is no option "retry"; expected id, name, triggers, retries'],
    [{ id: "f", throttle: 1 }, 'there is no option "throttle"'],
  ])("%j is refused", (options, message) => {
    const refusal = configOf({ triggers: trigger, ...options });
    expect(refusal).toContain("FUNCTION_INVALID: Cannot create function ");
    expect(refusal).toContain(message);
  });
});

describe("triggers of a function", () => {
  it("may be none: then it runs when another function invokes it", () => {
    expect([triggersOf(undefined), triggersOf([])]).toMatchObject([{ triggers: [] }, { triggers: [] }]);
  });

  it("may be the platform's own events, each by its whole name", () => {
    expect(triggersOf({ event: "perdure/function.failed" })).toMatchObject({
      triggers: [{ event: "perdure/function.failed" }],
    });
    expect(triggersOf({ event: "perdure/function.*" })).toContain('names that begin with "perdure/" are reserved');
    expect(triggersOf({ event: "perdure/function.skipped" })).toContain("are reserved");
  });

  it("may be one or up to ten, of every form", () => {
    expect(triggersOf(eventType("a/typed"))).toMatchObject({ triggers: [{ event: "a/typed" }] });
    const ten = [
      { event: "app/*" },
      { event: "app/user.*", if: "event.data.plan == 'pro'" },
      { event: eventType("a/typed"), if: "true" },
      eventType("a/b.*"),
      { cron: "0 9 * * 1" },
      { cron: "  TZ=Europe/Paris   0 12 * * 5 " },
      { cron: "CRON_TZ=UTC */5 * * * *", jitter: "1m30s" },
      { cron: "0 0 1 JAN MON-FRI", jitter: 300_000 },
      { event: "a/b", if: "event.data.x > 1" },
      { event: "a/b", if: "event.data.x < 1" },
    ];
    expect(triggersOf(ten)).toMatchObject({
      triggers: [
        { event: "app/*" },
        { event: "app/user.*", if: "event.data.plan == 'pro'" },
        { event: "a/typed", if: "true" },
        { event: "a/b.*" },
        { cron: "0 9 * * 1" },
        { cron: "TZ=Europe/Paris 0 12 * * 5" },
        { cron: "CRON_TZ=UTC */5 * * * *", jitterMs: 90_000 },
        { cron: "0 0 1 JAN MON-FRI", jitterMs: 300_000 },
        { event: "a/b", if: "event.data.x > 1" },
        { event: "a/b", if: "event.data.x < 1" },
      ],
    });
  });

  it.each([
    [null, "a trigger is not an object"],
    [Array.from({ length: 11 }, (_, index) => ({ event: `a/${index}` })), "it has 11 triggers; expected at most 10"],
    ["a/b", "a trigger is not an object; expected { event:"],
    [[{ event: "a/b" }, 5], "a trigger is not an object"],
    [{}, "a trigger has to have either event or cron"],
    [{ event: "a/b", cron: "* * * * *" }, "a trigger has to have either event or cron"],
    [
      { event: "a/b", when: "true" },
      'a trigger has the unknown member "when"; expected event, if, cron and jitter only',
    ],
    [{ cron: "* * * * *", jitter: "999ms" }, "its jitter is 999 ms; expected 1 second to 5 minutes"],
    [{ cron: "* * * * *", jitter: "5m1s" }, "its jitter is 301000 ms; expected 1 second to 5 minutes"],
    [{ cron: "* * * * *", jitter: "often" }, 'its jitter "often" is no duration'],
    [{ cron: "* * * * *", jitter: true }, "its jitter true is no duration"],
    [{ event: "a/b", jitter: "30s" }, "an event trigger has a jitter; expected jitter beside cron only"],
    [
      [
        { cron: "0 9 * * 1", jitter: "30s" },
        { cron: "0 9 * * 1", jitter: "1m" },
      ],
      'its cron "0 9 * * 1" is given twice; expected each cron once',
    ],
    [{ cron: "* * * * *", if: "true" }, "a cron trigger has an if"],
    [{ event: "a/b", if: " " }, "the if of a trigger is not text"],
    [{ event: "a/b", if: true }, "the if of a trigger is not text"],
    [{ event: "" }, "its event name is not text"],
    [{ event: 5 }, "its event name is not text"],
    [{ event: "*" }, 'the wildcard in "*" matches nothing there'],
    [{ event: "us*" }, 'the wildcard in "us*" matches nothing there'],
    [{ event: "app/*/x" }, 'the wildcard in "app/*/x" matches nothing there'],
    [{ event: "app/**" }, 'the wildcard in "app/**" matches nothing there'],
    [{ event: "perdure/function.skipped" }, 'names that begin with "perdure/" are reserved'],
    [{ event: "inngest/*" }, 'names that begin with "inngest/" are reserved'],
    [{ cron: "0 9 * *" }, 'its cron "0 9 * *" does not have five fields'],
    [{ cron: "0 0 9 * * 1" }, 'its cron "0 0 9 * * 1" does not have five fields'],
    [{ cron: "@hourly" }, 'its cron "@hourly" does not have five fields'],
    [{ cron: "TZ=Europe/Paris 0 9 * *" }, 'its cron "TZ=Europe/Paris 0 9 * *" does not have five fields'],
    [{ cron: "" }, 'its cron "" does not have five fields'],
    [{ cron: 5 }, "its cron is not text"],
    [{ cron: "* ".repeat(128) }, "its cron has 256 characters"],
    [[{ cron: "0 9 * * 1" }, { cron: " 0  9 * * 1" }], 'its cron "0 9 * * 1" is given twice; expected each cron once'],
  ])("%j are refused", (triggers, message) => {
    expect(triggersOf(triggers)).toContain(`FUNCTION_TRIGGER_INVALID: Cannot create function "f": ${message}`);
  });

  it("cannot be changed afterwards through the function", () => {
    const made = client.createFunction({ id: "f", triggers: trigger }, () => undefined);
    expect(Object.isFrozen(made)).toBe(true);
  });
});
