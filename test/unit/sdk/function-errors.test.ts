/**
 * Goal: anything thrown can be written down within bounds and read back, and the errors that steer retries are known
 * across copies of the package.
 * Method: hostile values in, literals out; a second copy of the module stands for a second copy of the package.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  isNonRetriableError,
  isStepError,
  NonRetriableError,
  RetryAfterError,
  retryAfterOf,
  reviveStepError,
  serializeError,
  StepError,
} from "../../../sdk/errors.js";
import "../seeded-properties.js";

describe("serializeError()", () => {
  it("keeps name, message, stack, code and cause", () => {
    const cause = Object.assign(new TypeError("inner"), { code: "ECONNREFUSED", stack: "TypeError: inner\n    at x" });
    const error = Object.assign(new RangeError("outer", { cause }), { stack: "RangeError: outer\n    at y", code: 13 });
    expect(serializeError(error)).toEqual({
      name: "RangeError",
      message: "outer",
      stack: "RangeError: outer\n    at y",
      code: "13",
      cause: { name: "TypeError", message: "inner", stack: "TypeError: inner\n    at x", code: "ECONNREFUSED" },
    });
  });

  it.each([
    ["a string", "plain text", { name: "Error", message: "plain text" }],
    ["undefined", undefined, { name: "Error", message: "undefined" }],
    ["null", null, { name: "Error", message: "null" }],
    ["a number", 42, { name: "Error", message: "42" }],
    ["a bigint", 42n, { name: "Error", message: "42" }],
    ["a symbol", Symbol("s"), { name: "Error", message: "Symbol(s)" }],
    ["an object", { status: 404 }, { name: "Error", message: '{"status":404}' }],
    ["what looks like an error", { name: "Http", message: "gone" }, { name: "Http", message: "gone" }],
    ["an error without a name", { name: "", message: "gone" }, { name: "Error", message: "gone" }],
    ["a message that is no text", { message: 5 }, { name: "Error", message: '{"message":5}' }],
  ])("writes %s down", (_, thrown, expected) => {
    expect(serializeError(thrown)).toEqual(expected);
  });

  it("survives cycles, frozen errors, throwing getters and revoked proxies", () => {
    const cyclic = new Error("a");
    cyclic.cause = new Error("b", { cause: cyclic });
    expect(serializeError(cyclic).cause).toMatchObject({ message: "b" });
    expect(serializeError(cyclic).cause?.cause).toBeUndefined();
    expect(serializeError(Object.freeze(new Error("frozen")))).toMatchObject({ message: "frozen" });
    const trapped = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("no");
      },
    });
    expect(serializeError(trapped)).toEqual({ name: "Error", message: "{}" });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(serializeError(proxy)).toEqual({ name: "Error", message: "a thrown object that cannot be shown" });
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(serializeError(loop).message).toBe("a thrown object that cannot be shown");
    expect(serializeError(Object.create(null, { toJSON: { value: () => 1n } })).message).toBe(
      "a thrown object that cannot be shown",
    );
  });

  it("is bounded, in bytes, and stays well-formed", () => {
    const error = Object.assign(new Error("é".repeat(20_000)), { stack: "s".repeat(1e6), name: "N".repeat(1e6) });
    const { message, stack = "", name } = serializeError(error);
    expect(message.endsWith("é… (truncated)")).toBe(true);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(16_384);
    expect(Buffer.byteLength(message)).toBeGreaterThan(16_380);
    expect(Buffer.byteLength(stack)).toBe(8_192);
    expect(Buffer.byteLength(name)).toBe(256);
    expect(serializeError("a\ud800b").message).toBe("a\ufffdb");
    expect(serializeError("\ufefftext").message).toBe("\ufefftext");
  });

  it("follows causes five deep", () => {
    let chain = new Error("0");
    for (let index = 1; index <= 10; index += 1) chain = new Error(String(index), { cause: chain });
    const messages: string[] = [];
    for (let at: ReturnType<typeof serializeError> | undefined = serializeError(chain); at; at = at.cause) {
      messages.push(at.message);
    }
    expect(messages).toEqual(["10", "9", "8", "7", "6", "5"]);
  });

  it("lets the first error of an AggregateError speak for it", () => {
    const error = new AggregateError([new Error("first"), new Error("second")], "All promises were rejected");
    expect(serializeError(error)).toMatchObject({
      name: "AggregateError",
      message: "All promises were rejected",
      cause: { message: "first" },
    });
  });

  it("never throws and always gives bounded JSON, whatever is thrown", () => {
    const seed = 20_260_101;
    const thrown = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(thrown, fc.string({ unit: "binary", maxLength: 50 }), (value, message) => {
        for (const one of [value, new Error(message, { cause: value }), { message, name: value, stack: value }]) {
          const serialized = serializeError(one);
          expect(JSON.parse(JSON.stringify(serialized))).toEqual(serialized);
          expect(Buffer.byteLength(JSON.stringify(serialized))).toBeLessThan(400_000);
        }
      }),
      // The seed stands in fast-check's report of a failure too.
      { seed, numRuns: 200 },
    );
  });
});

describe("reviveStepError()", () => {
  it("gives back what was written, as a StepError", () => {
    const error = reviveStepError(
      {
        name: "TypeError",
        message: "no",
        stack: "TypeError: no\n    at x",
        code: "E",
        cause: { name: "A", message: "b" },
      },
      "charge",
    );
    expect(error).toBeInstanceOf(StepError);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.stack, error.code, error.stepId]).toEqual([
      "TypeError",
      "no",
      "TypeError: no\n    at x",
      "E",
      "charge",
    ]);
    expect(error.cause).toMatchObject({ name: "A", message: "b", stack: "A: b" });
    expect(String(error)).toBe("TypeError: no");
  });

  it("is written down again as it was, so that a failed run shows its step's error", () => {
    const written = {
      name: "TypeError",
      message: "no",
      stack: "at x",
      code: "E",
      cause: { name: "A", message: "b", stack: "c" },
    };
    expect(serializeError(reviveStepError(written, "charge"))).toEqual(written);
    expect("cause" in reviveStepError({ name: "A", message: "b" }, "s")).toBe(false);
  });
});

describe("errors that steer retries", () => {
  it("carry their cause and their wish", () => {
    const cause = new Error("why");
    expect(new NonRetriableError("no", { cause })).toMatchObject({ name: "NonRetriableError", message: "no", cause });
    expect(new RetryAfterError("busy", "30s", { cause })).toMatchObject({ name: "RetryAfterError", cause });
    expect(retryAfterOf(new RetryAfterError("busy", 1_500))).toBe(1_500);
    expect(retryAfterOf(new RetryAfterError("busy", "1m30s"))).toBe(90_000);
    expect(retryAfterOf(new RetryAfterError("busy", new Date(5)))).toEqual(new Date(5));
    expect(retryAfterOf(new RetryAfterError("busy", -5))).toBe(0);
    expect(retryAfterOf(new Error("other"))).toBeNull();
  });

  it("say what is wrong with a wish, and remain retryable", () => {
    const make = (wish: unknown) => () => Reflect.construct(RetryAfterError, ["busy", wish]);
    expect(make(new Date(NaN))).toThrow("Cannot create RetryAfterError: its date is invalid; expected a valid Date");
    for (const wish of [NaN, Infinity, "soon", undefined, null, {}]) {
      expect(make(wish)).toThrow(expect.objectContaining({ code: "RETRY_AFTER_INVALID", retryable: true }));
    }
  });

  it("are told apart by instanceof, with subclasses", () => {
    class CardDeclined extends NonRetriableError {}
    const declined = new CardDeclined("no");
    expect(declined instanceof CardDeclined).toBe(true);
    expect(declined instanceof NonRetriableError).toBe(true);
    expect(new NonRetriableError("no") instanceof CardDeclined).toBe(false);
    expect(new Error("no") instanceof NonRetriableError).toBe(false);
    expect(new RetryAfterError("busy", 1) instanceof NonRetriableError).toBe(false);
    expect(isNonRetriableError(null)).toBe(false);
  });

  it("are known when they come from another copy of the package", async () => {
    vi.resetModules();
    const other = await import("../../../sdk/errors.js");
    expect(other.NonRetriableError).not.toBe(NonRetriableError);
    const foreign = new other.NonRetriableError("no");
    expect(foreign instanceof NonRetriableError).toBe(true);
    expect(isNonRetriableError(foreign)).toBe(true);
    expect(retryAfterOf(new other.RetryAfterError("busy", "1s"))).toBe(1_000);
    const step = other.reviveStepError({ name: "A", message: "b" }, "s");
    expect(step instanceof StepError).toBe(true);
    expect(isStepError(step)).toBe(true);
    expect(isStepError(new Error("x"))).toBe(false);
  });
});
