/**
 * Owns: which keys are accepted now: a fixed list from the environment, or a secret that may be rotated at any time.
 * K1 A key put into the secret is accepted within KEYS_FRESH_MS, in every sandbox, without a deployment.
 * K2 While the secret cannot be read, what was read last stays accepted for KEYS_STALE_MS: an outage of the secret store is
 *    none of ours. After that, everything is refused.
 */
import {
  GetSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientResolvedConfig,
} from "@aws-sdk/client-secrets-manager";
import { defineError } from "../../sdk/error-catalogue.js";
import type { Sender } from "../aws/clients.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { wire } from "./wire.js";
import { clientConfig, type KeySetting } from "./wiring.js";

export interface KeySource {
  /** The keys accepted now. The same array for as long as they are the same. */
  current(): Promise<readonly string[]>;
  /** The same, or null when nobody can say; the log says why. */
  currentOrNull(): Promise<readonly string[] | null>;
}

export const keysUnreadable = defineError<{ secretId: string }>({
  code: "KEYS_UNREADABLE",
  status: 500,
  retryable: true,
  message: ({ secretId }) =>
    `Cannot read keys from secret "${secretId}": it holds no JSON of that form; expected {"current": "…", "previous": "…"}`,
  remedy: "Put the secret's value right (docs/security.md, Rotating keys). Nothing has to be deployed.",
});

/** A new key works everywhere after this time at the latest. */
export const KEYS_FRESH_MS = 60_000;
export const KEYS_STALE_MS = 3_600_000;
/** A request waits for this: less than API Gateway waits for us. */
const READ_ATTEMPTS = 4;

/** The keys a setting names. */
export function keySource({ list, secretId }: KeySetting): KeySource {
  const fixed = (): Promise<readonly string[]> => Promise.resolve(list);
  if (secretId === "") return { current: fixed, currentOrNull: fixed };
  return new SecretKeys(wire().services, new SecretsManagerClient(clientConfig), secretId);
}

interface Read {
  keys: readonly string[];
  atMs: number;
}

export class SecretKeys implements KeySource {
  readonly #services: Pick<Services, "clock" | "random" | "logger">;
  readonly #secrets: Sender<SecretsManagerClientResolvedConfig>;
  readonly #secretId: string;
  #last: Read | null = null;
  #reading: Promise<Read> | null = null;

  constructor(
    services: Pick<Services, "clock" | "random" | "logger">,
    secrets: Sender<SecretsManagerClientResolvedConfig>,
    secretId: string,
  ) {
    this.#services = services;
    this.#secrets = secrets;
    this.#secretId = secretId;
  }

  async current(): Promise<readonly string[]> {
    const last = this.#last;
    const ageMs = last ? this.#services.clock.monotonic() - last.atMs : Infinity;
    if (last && ageMs < KEYS_FRESH_MS) return last.keys;
    try {
      // Requests side by side wait for one reading.
      this.#reading ??= this.#read();
      return (await this.#reading).keys;
    } catch (error) {
      if (!last || ageMs >= KEYS_STALE_MS) throw error;
      this.#services.logger.error("Cannot read the keys now; those read last are still accepted", error);
      return last.keys;
    } finally {
      this.#reading = null;
    }
  }

  currentOrNull(): Promise<readonly string[] | null> {
    return this.current().catch((error: unknown) => {
      this.#services.logger.error("Cannot read the keys: everybody is refused until they can be", error);
      return null;
    });
  }

  async #read(): Promise<Read> {
    // Taken before: what is changed while the answer travels is read next time.
    const atMs = this.#services.clock.monotonic();
    const answer = await untilKnown(
      this.#services,
      "read the keys",
      () => this.#secrets.send(new GetSecretValueCommand({ SecretId: this.#secretId })),
      { maxAttempts: READ_ATTEMPTS },
    );
    const keys = keysIn(answer.SecretString ?? "");
    if (!keys) throw keysUnreadable({ secretId: this.#secretId });
    const before = this.#last?.keys;
    const unchanged = before?.length === keys.length && keys.every((key, index) => key === before[index]);
    this.#last = { keys: before && unchanged ? before : keys, atMs };
    return this.#last;
  }
}

/** `current` and `previous`, without what is empty. Null when the text is no such JSON, or has no current key. */
function keysIn(secret: string): readonly string[] | null {
  const value = parsed(secret);
  if (typeof value !== "object" || value === null || !("current" in value)) return null;
  const { current } = value;
  const previous = "previous" in value ? value.previous : "";
  if (typeof current !== "string" || current === "" || typeof previous !== "string") return null;
  return previous === "" ? [current] : [current, previous];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
