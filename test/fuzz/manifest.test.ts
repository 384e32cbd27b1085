/**
 * Goal: a manifest from whatever worker is refused with everything that is wrong, before anything is changed, or registered so
 * that dispatch reads it back as it was and can ask it about any event.
 * Method: sound manifests bent in one place, and JSON at random, through registration and the registry's reader.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AppManifest } from "../../sdk/protocol.js";
import { PerdureError } from "../../sdk/error-catalogue.js";
import { checkManifest } from "../../runtime/registry/check-manifest.js";
import { registerApp } from "../../runtime/registry/register.js";
import { RegistryReader, triggeredBy } from "../../runtime/registry/registry.js";
import { createWorld, type World } from "../unit/api/world.js";
import { always, outcome } from "./fuzz.js";
import { bent, hostileJson } from "./hostile.js";

const trigger = fc.oneof(
  fc.constantFrom({ event: "shop/x" }, { event: "shop/*" }, { event: "shop/x", if: "event.data.a == 1" }),
  fc.constantFrom({ cron: "0 9 * * 1" }, { cron: "*/5 * * * *", jitterMs: 5_000 }),
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
    for (const { idempotency } of triggeredBy(registry, event)) idempotency?.evaluateKey({ event });
  });
  world.close();
});
