/**
 * Goal: a `concurrency` that nobody could count by is refused at registration, whoever wrote the manifest; one that is sound
 * reaches dispatch as it was, its keys ready to be asked.
 * Method: manifests as another process, or another language, might send them, the problem named compared; a function of the
 * SDK registered in the embedded AWS and read back.
 */
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../../runtime/registry/check-manifest.js";
import { registerApp } from "../../../runtime/registry/register.js";
import { RegistryReader } from "../../../runtime/registry/registry.js";
import { Perdure } from "../../../sdk/client.js";
import type { FunctionOptions } from "../../../sdk/function.js";
import type { AppManifest } from "../../../sdk/protocol.js";
import { createWorld } from "../api/world.js";

function manifest(concurrency: unknown): AppManifest {
  const fn = { id: "f", name: "f", triggers: [{ event: "a" }], retries: 4, concurrency };
  // What came over a wire may be anything.
  return { appId: "shop", sdkVersion: "0", functions: [fn] } as AppManifest;
}

const whole = { limit: 5, scope: "function", hold: "step" } as const;

describe("concurrency in a manifest", () => {
  it.each([
    ["none", []],
    ["one limit without a key", [{ ...whole, limit: 1_000 }]],
    ["two limits", [whole, { limit: 1, key: "event.data.customerId", scope: "app", hold: "run" }]],
    ["two scopes of one key", ["function", "app"].map((scope) => ({ ...whole, scope, key: "event.name" }))],
  ])("may be %s", (_, concurrency) => {
    const given = manifest(concurrency);
    expect(checkManifest(given)).toBe(given);
  });

  it.each([
    ["a number", 5, "its concurrency is 5; expected a list of at most 2"],
    ["one limit alone", whole, "its concurrency is {"],
    ["null", null, "its concurrency is null; expected a list"],
    ["null as a limit", [null], "a limit of its concurrency is null; expected { limit, key, scope, hold }"],
    ["a number as a limit", [5], "a limit of its concurrency is 5; expected { limit, key, scope, hold }"],
    ["no scope", [{ limit: 5, hold: "step" }], 'a limit of its concurrency is {"limit":5,"hold":"step"}; expected'],
    ["no hold", [whole, { limit: 5, scope: "function" }], "a limit of its concurrency is {"],
    [
      "three limits",
      ["1", "2", "3"].map((key) => ({ ...whole, key })),
      "its concurrency has 3 limits; expected at most 2",
    ],
    [
      "a limit of none",
      [{ ...whole, limit: 0 }],
      "the limit of its concurrency is 0; expected a whole number from 1 to",
    ],
    ["a limit as text", [{ ...whole, limit: "5" }], 'the limit of its concurrency is "5"'],
    ["a scope of another platform", [{ ...whole, scope: "env", key: "1" }], 'the scope of its concurrency is "env"'],
    ["another hold", [{ ...whole, hold: "turn" }], 'the hold of its concurrency is "turn"'],
    ["an app's limit without a key", [{ ...whole, scope: "app" }], 'its concurrency has the scope "app" and no key'],
    ["a member of a later version", [{ ...whole, burst: 3 }], 'its concurrency has the unknown member "burst"'],
    ["the same limit twice", [whole, { ...whole, hold: "run" }], "its concurrency has two limits of one scope and key"],
    ["a key that is no text", [{ ...whole, key: 7 }], "the key of its concurrency is 7; expected a CEL expression"],
    ["a key that is no expression", [{ ...whole, key: "event.data.(" }], "(EXPRESSION_INVALID)"],
    ["a key of another variable", [{ ...whole, key: "async.data.id" }], '"async" is not known'],
    ["a key that is too long", [{ ...whole, key: `'${"x".repeat(1_023)}'` }], "(EXPRESSION_TOO_COMPLEX)"],
  ])("is refused: %s", (_, concurrency, is) => {
    expect(() => checkManifest(manifest(concurrency))).toThrow(`function "f": ${is.startsWith("(") ? "Cannot" : ""}`);
    expect(() => checkManifest(manifest(concurrency))).toThrow(is);
  });

  it("has every key that is wrong named at once", () => {
    const keys = ["event.data.(", "event.data.x ==", "event.data.x"];
    const [first = "", second = "", sound = ""] = keys;
    const both = manifest([first, second].map((key) => ({ ...whole, key })));
    expect(() => checkManifest(both)).toThrow(/2 of its settings are not usable/);
    const one = manifest([first, sound].map((key) => ({ ...whole, key })));
    expect(() => checkManifest(one)).toThrow(/1 of its settings are not usable/);
  });
});

type Option = FunctionOptions<unknown>["concurrency"];

/** What dispatch reads of a function that was registered with the option: its limits, and their keys for an event. */
async function registered(concurrency: Option, data: object): Promise<unknown> {
  const world = await createWorld();
  const { config } = new Perdure({ id: "shop" }).createFunction(
    { id: "f", triggers: { event: "a" }, concurrency },
    () => undefined,
  );
  const manifest = { appId: "shop", sdkVersion: "0", functions: [config] };
  await registerApp(world.services, { manifest, stepQueueUrl: "http://sqs.us-east-1.localhost/000000000000/steps" });
  const registry = await new RegistryReader(world.services).current();
  world.close();
  const limits = registry.apps.get("shop")?.functions[0]?.concurrency;
  return limits?.map(({ config, key }) => [config, key?.evaluateKey({ event: { name: "a", data } })]);
}

describe("concurrency of a registered function", () => {
  it("is empty without the option", async () => {
    expect(await registered(undefined, {})).toEqual([]);
  });

  it("is read back whole, in the order written, each key ready to be asked", async () => {
    const concurrency: Option = [
      { limit: 50, hold: "run" },
      { limit: 2, key: "event.data.customerId", scope: "app" },
    ];
    expect(await registered(concurrency, { customerId: 7 })).toEqual([
      [{ limit: 50, scope: "function", hold: "run" }, undefined],
      [{ limit: 2, key: "event.data.customerId", scope: "app", hold: "step" }, "7"],
    ]);
  });

  it("has no key for an event that the expression cannot answer", async () => {
    expect(await registered({ limit: 2, key: "event.data.customerId" }, {})).toEqual([
      [{ limit: 2, key: "event.data.customerId", scope: "function", hold: "step" }, null],
    ]);
  });

  it("is part of the version: a limit that is raised is read anew", async () => {
    const world = await createWorld();
    const reader = new RegistryReader(world.services);
    const seen: unknown[] = [];
    for (const limit of [5, 6, 6]) {
      const given = manifest([{ ...whole, limit }]);
      const stepQueueUrl = "http://sqs.us-east-1.localhost/000000000000/steps";
      const { changed } = await registerApp(world.services, { manifest: given, stepQueueUrl });
      const registry = await reader.current();
      seen.push([changed, registry.apps.get("shop")?.functions[0]?.concurrency[0]?.config.limit]);
    }
    world.close();
    expect(seen).toEqual([
      [[], 5],
      [["f"], 6],
      [[], 6],
    ]);
  });
});
