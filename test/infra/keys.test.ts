/**
 * Goal: keys in a secret can be rotated without a deployment and without an outage, and an outage of the secret store is
 * none of ours for an hour.
 * Method: a secret store of a few lines that counts its calls, on a virtual clock.
 */
import { SecretsManagerServiceException } from "@aws-sdk/client-secrets-manager";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { SecretKeys } from "../../runtime/lambda/keys.js";

const MINUTE = 60_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function store(value: string) {
  const clock = new VirtualClock({ startMs: 0 });
  const secret = { value, isDown: false, reads: 0 };
  const sender = {
    send: async <Output>(): Promise<Output> => {
      secret.reads += 1;
      if (secret.isDown) {
        const $metadata = { httpStatusCode: 503 };
        throw new SecretsManagerServiceException({ name: "InternalServiceError", $fault: "server", $metadata });
      }
      // The one command that is sent answers this.
      return { SecretString: secret.value } as Output;
    },
  };
  const keys = new SecretKeys({ clock, random: seededRandom(1), logger: silent }, sender, "the-secret");
  /** What is accepted now; virtual time passes while it is found out. */
  const current = async (): Promise<readonly string[]> => {
    const answer = keys.current();
    answer.catch(() => undefined);
    await clock.advance(10_000);
    return answer;
  };
  return { clock, secret, keys, current };
}

const json = (current: string, previous = ""): string => JSON.stringify({ current, previous });

describe("SecretKeys", () => {
  it("reads once a minute at most, and once for requests side by side", async () => {
    const { clock, secret, keys } = store(json("a"));
    expect(await Promise.all([keys.current(), keys.current(), keys.current()])).toEqual([["a"], ["a"], ["a"]]);
    await clock.advance(59_000);
    await keys.current();
    expect(secret.reads).toBe(1);
    await clock.advance(1_000);
    await keys.current();
    expect(secret.reads).toBe(2);
  });

  it("accepts a new key beside the one it replaces within a minute, and refuses one that is taken out within a minute", async () => {
    const { clock, secret, keys } = store(json("old"));
    expect(await keys.current()).toEqual(["old"]);
    secret.value = json("new", "old");
    await clock.advance(MINUTE);
    expect(await keys.current()).toEqual(["new", "old"]);
    secret.value = json("new");
    await clock.advance(MINUTE);
    expect(await keys.current()).toEqual(["new"]);
  });

  it("gives the same array while the keys are the same", async () => {
    const { clock, keys } = store(json("a", "b"));
    const first = await keys.current();
    await clock.advance(5 * MINUTE);
    expect(await keys.current()).toBe(first);
  });

  it("goes on with the keys it has for an hour while the store is down, then refuses", async () => {
    const { clock, secret, keys, current } = store(json("a"));
    await keys.current();
    secret.isDown = true;
    await clock.advance(50 * MINUTE);
    expect(await current()).toEqual(["a"]);
    await clock.advance(20 * MINUTE);
    await expect(current()).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    const unknown = keys.currentOrNull();
    await clock.advance(10_000);
    expect(await unknown).toBe(null);
    secret.isDown = false;
    expect(await keys.current()).toEqual(["a"]);
  });

  it.each(["", "not json", "null", "[]", "{}", '{"current":""}', '{"current":1}', '{"current":"a","previous":null}'])(
    "a secret that holds %j is refused by name, without its text",
    async (value) => {
      const { keys } = store(value);
      const refusal = await keys.current().catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "KEYS_UNREADABLE" });
      expect(String(refusal)).toContain("the-secret");
    },
  );

  it("a secret spoiled by hand does not take the keys away that work", async () => {
    const { clock, secret, keys } = store(json("a"));
    await keys.current();
    secret.value = "spoiled";
    await clock.advance(2 * MINUTE);
    expect(await keys.current()).toEqual(["a"]);
  });
});
