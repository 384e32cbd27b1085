/**
 * Goal: a client that is set up wrongly says so at once, and createFunction takes both forms.
 * Method: options in, error code and message out, as literals.
 */
import { describe, expect, it } from "vitest";
import { eventType, isPerdureFunction, Perdure, PerdureError, type Logger } from "../../../sdk/index.js";

/** The code and the message of what `make` throws. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof PerdureError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "accepted";
}

/** As a caller without types gives them. */
const clientOf = (options: object): (() => unknown) => {
  return () => Reflect.construct(Perdure, [options]);
};

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe("new Perdure()", () => {
  it("takes every id of lowercase letters, digits and inner hyphens", () => {
    for (const id of ["a", "7", "my-app-2", "x".repeat(40)]) expect(new Perdure({ id }).id).toBe(id);
  });

  it("refuses any other id and shows a good one", () => {
    expect(refusal(clientOf({ id: "My App" }))).toBe(
      'CLIENT_INVALID: Cannot create client "My App": its id is not usable; expected at most 40 lowercase letters, digits and hyphens, such as "my-app"',
    );
    for (const id of ["", "-a", "a-", "a_b", "ä", "a/b", "a\n", "x".repeat(41), 7, null, undefined]) {
      expect(refusal(clientOf({ id }))).toContain("CLIENT_INVALID");
    }
  });

  it("refuses an option it does not know, rather than ignore a typo", () => {
    expect(refusal(clientOf({ id: "a", eventkey: "k" }))).toBe(
      'CLIENT_INVALID: Cannot create client "a": there is no option "eventkey"; expected id, logger, eventKey, baseUrl, fetch, middleware',
    );
  });

  it("refuses options of the wrong kind", () => {
    expect(refusal(() => Reflect.construct(Perdure, []))).toContain("its options are not an object");
    expect(refusal(clientOf({ id: "a", logger: { info: () => {} } }))).toContain("its logger is not usable");
    expect(refusal(clientOf({ id: "a", logger: null }))).toContain("its logger is not usable");
    expect(refusal(clientOf({ id: "a", eventKey: 5 }))).toContain("its eventKey is not text");
    expect(refusal(clientOf({ id: "a", baseUrl: "localhost:8288" }))).toContain("its baseUrl is not a URL");
    expect(refusal(clientOf({ id: "a", baseUrl: "/api" }))).toContain("its baseUrl is not a URL");
    expect(refusal(clientOf({ id: "a", fetch: "fetch" }))).toContain("its fetch is not a function");
  });

  it("takes undefined for what may be left out, as process.env gives it", () => {
    expect(refusal(clientOf({ id: "a", logger: undefined, eventKey: undefined, baseUrl: undefined }))).toBe("accepted");
  });

  it("logs to the console unless it is given a logger", () => {
    expect(new Perdure({ id: "a" }).logger).toBe(console);
    expect(new Perdure({ id: "a", logger: silent }).logger).toBe(silent);
  });
});

describe("createFunction()", () => {
  const client = new Perdure({ id: "shop" });

  it("gives a function its configuration, its client and its handler", () => {
    const handler = (): string => "done";
    const made = client.createFunction({ id: "ship", triggers: { event: "app/paid" } }, handler);
    expect(made.config).toEqual({ id: "ship", name: "ship", triggers: [{ event: "app/paid" }], retries: 4 });
    expect(made.id).toBe("ship");
    expect(made.client).toBe(client);
    expect(made.handler).toBe(handler);
    expect(made.eventTypes).toEqual([]);
    expect(isPerdureFunction(made)).toBe(true);
    expect(isPerdureFunction({ ...handler, config: made.config })).toBe(false);
    expect(isPerdureFunction(null)).toBe(false);
  });

  it("makes the same function of the older form with three arguments", () => {
    const made = client.createFunction({ id: "ship", name: "Ship it", retries: 0 }, { cron: "0 9 * * 1" }, () => 1);
    expect(made.config).toEqual({ id: "ship", name: "Ship it", triggers: [{ cron: "0 9 * * 1" }], retries: 0 });
    const list = client.createFunction({ id: "ship" }, [{ event: "a/b" }, { cron: "0 9 * * 1" }], () => 1);
    expect(list.config.triggers).toEqual([{ event: "a/b" }, { cron: "0 9 * * 1" }]);
  });

  it("keeps the event types of its triggers for the host", () => {
    const paid = eventType("app/paid");
    const made = client.createFunction({ id: "ship", triggers: [paid, { event: paid, if: "true" }] }, () => 1);
    expect(made.config.triggers).toEqual([{ event: "app/paid" }, { event: "app/paid", if: "true" }]);
    expect(made.eventTypes).toEqual([paid, paid]);
  });

  it("refuses triggers in two places, no handler and no options; takes a function without triggers", () => {
    const create = (...parameters: unknown[]): (() => unknown) => {
      return () => Reflect.apply(client.createFunction, client, parameters);
    };
    const noop = (): void => {};
    expect(refusal(create({ id: "f", triggers: { event: "a/b" } }, { event: "a/c" }, noop))).toBe(
      'FUNCTION_INVALID: Cannot create function "f": its triggers are given twice; expected them in one place, best in the options',
    );
    expect(refusal(create({ id: "f" }, noop))).toBe("accepted");
    expect(refusal(create({ id: "f", triggers: { event: "a/b" } }))).toContain("its handler is not a function");
    expect(refusal(create({ id: "f" }, { event: "a/b" }))).toContain("its handler is not a function");
    expect(refusal(create({ id: "f" }, undefined, noop))).toBe("accepted");
    expect(refusal(create())).toContain("its options are not an object");
    expect(refusal(create(null, { event: "a/b" }, noop))).toContain("its options are not an object");
  });
});
