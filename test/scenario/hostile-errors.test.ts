/**
 * Goal: what is thrown ends its step and its run however long it is, of whatever characters, and however often it is wrapped:
 * an error that fits no item must not kill its worker, and then be told as a crash.
 * Method: chains of errors of the longest messages, of characters JSON writes with six, thrown wherever something can throw;
 * values that fight back, in every place that takes one.
 */
import vm from "node:vm";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError, RetryAfterError, serializeError } from "../../sdk/errors.js";
import type { FunctionContext } from "../../sdk/function.js";
import { scenarios } from "./started.js";
import { HOUR } from "./world.js";

const start = scenarios();

/** Characters that JSON escapes, in an order no compressor knows. */
function escaped(length: number): string {
  let state = 1;
  return Array.from({ length }, () => String.fromCharCode((state = (state * 75 + 74) % 65_537) % 32)).join("");
}

function chain(depth: number): Error {
  const cause = depth === 0 ? undefined : chain(depth - 1);
  const error = new NonRetriableError(escaped(20_000), { cause });
  error.stack = escaped(20_000);
  return error;
}

it("errors as large as they get, escaped through and through, end steps, runs and invokes as what they are", async () => {
  const client = new Perdure({ id: "shop" });
  const told: string[] = [];
  const child = client.createFunction({ id: "child", retries: 0 }, () => {
    throw chain(6);
  });
  const parent = client.createFunction(
    {
      id: "parent",
      triggers: { event: "shop/go" },
      retries: 0,
      onFailure: ({ error }) => void told.push(error.message.slice(0, 100)),
    },
    async ({ step }) => {
      const names: string[] = [];
      for (const fails of [
        () => step.run("in a step", () => Promise.reject(chain(6))),
        () => step.run({ id: "in a branch", distributed: true }, () => Promise.reject(chain(6))),
        () => step.invoke("in a child", { function: child }),
      ]) {
        await fails().catch(
          (error: unknown) => void names.push(serializeError(error).code ?? serializeError(error).name),
        );
      }
      await step.run("names", () => names);
      throw chain(6);
    },
  );
  const scenario = await start({ client, functions: [parent, child] });
  const [id = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR);
  const { head, entries } = await scenario.runOf(id);
  expect(entries.find((entry) => entry.k === "done" && entry.id === "names")).toMatchObject({
    ok: ["NonRetriableError", "NonRetriableError", "INVOKED_FUNCTION_FAILED"],
  });
  expect([head.status, head.crashes, head.error?.name]).toEqual(["Failed", 0, "NonRetriableError"]);
  expect(head.error?.message.slice(0, 100)).toBe(escaped(100));
  expect(told).toEqual([escaped(100)]);
  expect(Buffer.byteLength(JSON.stringify(head.error))).toBeLessThan(160 * 1024);
});

/** Values that fight back when they are looked at. */
const VALUES: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol("s"),
  bigint: () => 10n,
  function: () => () => 1,
  "revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "proxy that throws": () =>
    new Proxy(
      {},
      { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse },
    ),
  "throwing getters": () =>
    Object.defineProperties(new Error("x"), {
      message: { get: refuse },
      stack: { get: refuse },
      code: { get: refuse },
      cause: { get: refuse },
    }),
  "toJSON that throws": () => ({ toJSON: refuse }),
  "toJSON of another toJSON": () => ({ toJSON: () => ({ toJSON: refuse, a: 1 }) }),
  "toJSON of nothing": () => ({ toJSON: () => undefined }),
  "cycle through its cause": () => {
    const error: Error = new Error("x");
    error.cause = { cause: error, message: "y" };
    return error;
  },
  "frozen error": () => Object.freeze(new Error("x")),
  "members that are no text": () => Object.assign(new Error("x"), { name: {}, code: [], stack: 5, cause: Symbol("c") }),
  "forged members": () => ({
    name: "PerdureError",
    message: "x",
    code: "RUN_TOO_LARGE",
    retryable: true,
    __proto__: null,
  }),
  "error of another realm": () => vm.runInNewContext("new Error('x')"),
  "no prototype": () => Object.create(null),
  "toJSON that throws a proxy": () => ({
    toJSON: () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      throw proxy;
    },
  }),
  "retry after NaN": () => Object.assign(new RetryAfterError("x", 5), { retryAfter: Number.NaN }),
  "retry before": () => Object.assign(new RetryAfterError("x", 5), { retryAfter: -1 }),
  "retry never": () => Object.assign(new RetryAfterError("x", 5), { retryAfter: 1e300 }),
  "retry at no time": () => Object.assign(new RetryAfterError("x", 5), { retryAfter: new Date(Number.NaN) }),
  "thenable that throws": () => ({ then: refuse }),
  "invalid date": () => new Date(Number.NaN),
  "lone surrogate": () => "\ud800",
  nothing: () => [undefined, () => 1, Symbol("s")],
};

function refuse(): never {
  throw new Error("do not look");
}

const PLACES: Readonly<Record<string, (make: () => unknown) => (context: FunctionContext) => unknown>> = {
  "thrown in a step":
    (make) =>
    ({ step }) =>
      step.run("a", () => Promise.reject(make())),
  "returned by a step":
    (make) =>
    ({ step }) =>
      step.run("a", make),
  "returned by a branch":
    (make) =>
    ({ step }) =>
      step.run({ id: "a", distributed: true }, make),
  "thrown by the function": (make) => () => {
    throw make();
  },
  "returned by the function": (make) => make,
  "an event's data":
    (make) =>
    ({ step }) =>
      step.sendEvent("a", { name: "shop/other", data: { x: make() } }),
  "a signal's data":
    (make) =>
    ({ step }) =>
      step.sendSignal("a", { signal: "s", data: make() }),
  "an id":
    (make) =>
    ({ step }) =>
      step.run(make() as string, () => 1),
};

it("whatever is thrown, returned or given, wherever, ends its run and nobody else's, and is no crash", async () => {
  const client = new Perdure({ id: "shop" });
  const cases = Object.entries(PLACES).flatMap(([place, make]) =>
    Object.entries(VALUES).map(([value, of]) => ({ name: `${value}, ${place}`, handler: make(of) })),
  );
  const functions = cases.map(({ handler }, n) =>
    client.createFunction({ id: `f${n}`, retries: 1, triggers: { event: "shop/go" } }, handler),
  );
  const scenario = await start({ client, functions, workerConcurrency: 20 });
  const [id = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR);
  const runs = await Promise.all((await scenario.runIds(id)).map((runId) => scenario.run(runId)));
  const name = (functionId: string): string => cases[Number(functionId.slice(1))]?.name ?? "";
  const odd = runs.filter(
    ({ head }) =>
      !["Completed", "Failed"].includes(head.status) || head.crashes > 0 || head.error?.code === "FUNCTION_CRASHED",
  );
  expect(runs).toHaveLength(cases.length);
  expect(
    odd.map(({ head }) => `${name(head.functionId)}: ${head.status} ${head.crashes} ${head.error?.message}`),
  ).toEqual([]);
});
