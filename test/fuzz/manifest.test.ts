/**
 * Goal: a manifest from whatever worker is refused with everything that is wrong, before anything is changed, or registered so
 * that dispatch reads it back as it was and can ask it about any event.
 * Method: sound manifests bent in one place, and JSON at random, through registration and the registry's reader.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AppManifest } from "../../sdk/protocol.js";
import { PerdureError } from "../../sdk/error-catalogue.js";
import { readConcurrency } from "../../sdk/concurrency.js";
import { checkManifest } from "../../runtime/registry/check-manifest.js";
import { compileExpression } from "../../runtime/expressions/cel.js";
import { registerApp } from "../../runtime/registry/register.js";
import { RegistryReader, triggeredBy } from "../../runtime/registry/registry.js";
import { createWorld, type World } from "../unit/api/world.js";
import { always, outcome } from "./fuzz.js";
import { bent, hostileJson } from "./hostile.js";

const trigger = fc.oneof(
  fc.constantFrom({ event: "shop/x" }, { event: "shop/*" }, { event: "shop/x", if: "event.data.a == 1" }),
  fc.constantFrom({ cron: "0 9 * * 1" }, { cron: "*/5 * * * *", jitterMs: 5_000 }),
);
/** As written in code. In a manifest, each says its scope and its hold. */
const limit = fc.record(
  {
    limit: fc.integer({ min: 1, max: 1_000 }),
    key: fc.constantFrom("event.data.id", "event.data.a + 1", "'all'"),
    scope: fc.constantFrom("function", "app"),
    hold: fc.constantFrom("step", "run"),
  },
  { requiredKeys: ["limit"] },
);
const concurrency = fc.uniqueArray(
  limit.map(({ scope = "function", hold = "step", ...rest }) => {
    return scope === "app" ? { key: "event.name", ...rest, scope, hold } : { ...rest, scope, hold };
  }),
  { selector: ({ scope, key }) => `${scope} ${key}`, maxLength: 2 },
);
const fn = fc.record(
  {
    id: fc.constantFrom("a", "b-2", "c"),
    name: fc.string({ minLength: 1 }),
    retries: fc.integer({ min: 0, max: 20 }),
    triggers: fc.array(trigger, { maxLength: 3 }),
    parallel: fc.constantFrom("in-turn", "distributed"),
    backoff: fc.constant({ firstMs: 1_000, factor: 2, longestMs: 60_000 }),
    idempotency: fc.constantFrom("event.data.id", "event.data.a + 1"),
    timeouts: fc.constant({ startMs: 1_000, finishMs: 60_000 }),
    cancelOn: fc.constant([{ event: "shop/y", if: "async.data.id == event.data.id", timeoutMs: 1_000 }]),
    concurrency,
  },
  { requiredKeys: ["id", "name", "retries", "triggers"] },
);
const sound = fc.record({
  appId: fc.constant("shop"),
  sdkVersion: fc.constant("0.1.0"),
  functions: fc.uniqueArray(fn, { selector: ({ id }) => id, maxLength: 3 }),
});
// Whatever its type says, a manifest is what another process has sent.
const manifests = fc.oneof(sound, bent(sound), bent(sound), hostileJson) as fc.Arbitrary<AppManifest>;

const EVENT = { variables: ["event"] } as const;
const STEP_QUEUE = "http://sqs.us-east-1.localhost/000000000000/perdure-steps";

async function registered(world: World, manifest: AppManifest): Promise<boolean> {
  try {
    await registerApp(world.services, { manifest, stepQueueUrl: STEP_QUEUE });
    return true;
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    expect(error.code).toBe("REGISTRATION_REFUSED");
    return false;
  }
}

it("is refused with what is wrong in it, in lines of bounded length", async () => {
  await always(manifests, 1_500, (manifest) => {
    const read = outcome(() => checkManifest(manifest));
    if ("code" in read) return expect(read.code).toBe("REGISTRATION_REFUSED");
    expect(read.value).toEqual(manifest);
  });
});

it("is read back as it was registered, and asked about any event, or changes nothing", async () => {
  const world = await createWorld();
  await always(fc.tuple(manifests, hostileJson), 150, async ([manifest, data]) => {
    const mark = world.aws.ledger.mark();
    const accepted = await registered(world, manifest);
    if (!accepted) return expect(world.aws.ledger.since(mark).rows).toEqual([]);
    const registry = await new RegistryReader(world.services).current();
    const configs = registry.apps.get(manifest.appId)?.functions.map(({ config }) => config) ?? [];
    const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
    expect(configs.sort(byId)).toEqual([...JSON.parse(JSON.stringify(manifest.functions))].sort(byId));
    const event = { name: "shop/x", data };
    for (const { config, idempotency, concurrency } of triggeredBy(registry, event)) {
      idempotency?.evaluateKey({ event });
      expect(concurrency.map((limit) => limit.config)).toEqual(config.concurrency ?? []);
      for (const { key } of concurrency) key?.evaluateKey({ event });
    }
  });
  world.close();
});

it("a concurrency is kept in its longest form, which registration takes unless a key is no expression, or refused", async () => {
  const noExpression = fc.constant({ limit: 1, key: "event.data.(" });
  const written = fc.oneof(
    fc.integer({ min: -1, max: 1_001 }),
    limit,
    fc.array(fc.oneof(limit, noExpression), { maxLength: 3 }),
  );
  await always(fc.oneof(hostileJson, written, bent(written)), 1_500, (value) => {
    const read = readConcurrency(value);
    if ("is" in read) return expect(read.is.length).toBeLessThan(300);
    expect(read.length).toBeLessThanOrEqual(2);
    expect(readConcurrency(read)).toEqual(read);
    for (const { limit, key, scope } of read) {
      expect(Number.isInteger(limit) && limit >= 1 && limit <= 1_000).toBe(true);
      expect(scope === "function" || key !== undefined).toBe(true);
    }
    const fn = { id: "f", name: "f", triggers: [], retries: 4, concurrency: read };
    const taken = outcome(() => checkManifest({ appId: "shop", sdkVersion: "0.1.0", functions: [fn] }));
    if (!("code" in taken)) return;
    expect(taken.code).toBe("REGISTRATION_REFUSED");
    expect(read.some(({ key }) => key !== undefined && "code" in outcome(() => compileExpression(key, EVENT)))).toBe(
      true,
    );
  });
});
