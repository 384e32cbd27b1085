/**
 * Owns: the middleware that encrypts what is kept of a run before it leaves the worker, and what of it is covered.
 * Must not: cover what the platform itself must read: names, ids, times, error names and codes, and all of an event's data
 * but one field.
 */
import { realRandom, type Random } from "../clock.js";
import { shown } from "../error-catalogue.js";
import { toJson } from "../host/attempt.js";
import type { Json, OutgoingEvent } from "../protocol.js";
import { decrypt, encrypt, isToken, readSecretKey, type SecretKey } from "./envelope.js";
import { encryptionOptionsInvalid } from "./errors.js";
import {
  Middleware,
  type MiddlewareClass,
  type SendEventHook,
  type StoredHook,
  type StoredKind,
} from "./middleware.js";
import { hiddenError, shownError } from "./encrypted-error.js";

/** 32 random bytes, or text of at least 32 characters. Text is not stretched: generate it. */
export type EncryptionKey = string | Uint8Array;

export interface EncryptionOptions {
  /** What is written is encrypted with this key. */
  key: EncryptionKey;
  /** Keys that were `key` before: what they have encrypted can still be read. */
  previousKeys?: readonly EncryptionKey[] | undefined;
  /** True: reads what is encrypted and encrypts nothing. For turning encryption on, or off, under running functions. */
  decryptOnly?: boolean | undefined;
  /** The field of an event's data, and of an invoked function's, that is encrypted. "encrypted" when absent. */
  eventField?: string | undefined;
}

const OPTION_NAMES: readonly string[] = ["key", "previousKeys", "decryptOnly", "eventField"];
const DEFAULT_EVENT_FIELD = "encrypted";
/** Events by which the platform tells of runs hold what a run was started with and came to. */
const RUN_EVENT_PREFIX = "perdure/function.";

/**
 * Encrypts step results, function results, errors (all but name and code), data of signals, and one field of events and of
 * the data of invoked functions, with AES-256-GCM. The platform stores and shows what it cannot read. A run whose key is missing
 * rests, and goes on when the key is back. Throws ENCRYPTION_KEY_INVALID and ENCRYPTION_OPTIONS_INVALID.
 *
 * @example
 * const encryption = encryptionMiddleware({ key: secrets.current, previousKeys: [secrets.previous] });
 * export const perdure = new Perdure({ id: "clinic", middleware: [encryption] });
 * await perdure.send({ name: "clinic/result.in", data: { patientId: "p_1", encrypted: { finding: "…" } } });
 */
export function encryptionMiddleware(options: EncryptionOptions, random: Random = realRandom): MiddlewareClass {
  const codec = new ValueCodec(readOptions(options), random);
  return class extends Middleware {
    readonly id = "encryption";
    override transformSendEvent({ events }: SendEventHook): OutgoingEvent[] {
      return events.map((event) => codec.encryptEvent(event));
    }
    override toHistory({ of, name, value }: StoredHook): unknown {
      return codec.encrypt(of, name, value);
    }
    override fromHistory({ of, name, value }: StoredHook): unknown {
      return codec.decrypt(of, name, value);
    }
  };
}

interface ReadOptions {
  /** First the one to write with. */
  keys: readonly [SecretKey, ...SecretKey[]];
  decryptOnly: boolean;
  field: string;
}

function readOptions(options: EncryptionOptions): ReadOptions {
  if (typeof options !== "object" || options === null) {
    throw encryptionOptionsInvalid({ is: "its options are not an object", expected: "{ key }" });
  }
  const unknownOption = Object.keys(options).find((option) => !OPTION_NAMES.includes(option));
  if (unknownOption !== undefined) {
    throw encryptionOptionsInvalid({ is: `there is no option "${unknownOption}"`, expected: OPTION_NAMES.join(", ") });
  }
  const { key, previousKeys = [], decryptOnly = false, eventField = DEFAULT_EVENT_FIELD } = options;
  if (typeof eventField !== "string" || eventField === "") {
    throw encryptionOptionsInvalid({ is: "its eventField is not usable", expected: "the name of one field" });
  }
  if (typeof decryptOnly !== "boolean") {
    throw encryptionOptionsInvalid({ is: "its decryptOnly is not usable", expected: "true or false" });
  }
  return { keys: [readSecretKey(key), ...previousKeys.map(readSecretKey)], decryptOnly, field: eventField };
}

class ValueCodec {
  readonly #options: ReadOptions;
  readonly #random: Random;

  constructor(options: ReadOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  encryptEvent(event: OutgoingEvent): OutgoingEvent {
    return event.data === undefined ? event : { ...event, data: this.#encryptField(event.data) };
  }

  encrypt(of: StoredKind, name: string | null, value: unknown): unknown {
    if (this.#options.decryptOnly) return value;
    switch (of) {
      case "step":
      case "output":
      case "signal":
        return this.#token(purposeOf(of, name), toJson(name ?? "(the function's own result)", value).value);
      case "error":
        return hiddenError(value, (error) => this.#token("error", error));
      case "invoke":
        return isRecord(value) ? this.#encryptField(value) : value;
      case "event":
        return value;
    }
  }

  decrypt(of: StoredKind, name: string | null, value: unknown): unknown {
    switch (of) {
      case "step":
      case "output":
      case "signal":
        return this.#open(purposeOf(of, name), value, described(of, name));
      case "error":
        return shownError(value, (token) => this.#open("error", token, described(of, name)));
      case "invoke":
        return value;
      case "event":
        return isRecord(value) ? this.#decryptEventData(name ?? "", value) : value;
    }
  }

  #decryptEventData(name: string, data: { [key: string]: Json }): { [key: string]: unknown } {
    const { field } = this.#options;
    const opened: { [key: string]: unknown } = { ...data };
    const value = data[field];
    if (isToken(value)) opened[field] = this.#open("event", value, described("event", name));
    if (!name.startsWith(RUN_EVENT_PREFIX)) return opened;
    if ("result" in data) opened["result"] = this.decrypt("output", null, data["result"]);
    if ("error" in data) opened["error"] = this.decrypt("error", null, data["error"]);
    const cause = data["event"];
    if (isRecord(cause) && isRecord(cause["data"])) {
      opened["event"] = { ...cause, data: this.#decryptEventData(String(cause["name"]), cause["data"]) };
    }
    return opened;
  }

  #encryptField(data: { [key: string]: Json }): { [key: string]: Json } {
    const { field, decryptOnly } = this.#options;
    const value = data[field];
    if (decryptOnly || value === undefined || isToken(value)) return data;
    return { ...data, [field]: this.#token("event", value) };
  }

  #token(purpose: string, value: Json): string {
    return encrypt(this.#options.keys[0], purpose, JSON.stringify(value), this.#random);
  }

  /** What was written before there was encryption is no token, and is what it is. */
  #open(purpose: string, value: unknown, of: string): unknown {
    if (!isToken(value)) return value;
    const opened: unknown = JSON.parse(decrypt(this.#options.keys, purpose, value, of));
    return opened;
  }
}

/** A step's result opens as that step's; a function's as any function's, since the one that invoked it reads it too. */
function purposeOf(of: "step" | "output" | "signal", name: string | null): string {
  return of === "step" ? `step\n${name ?? ""}` : of;
}

function described(of: StoredKind, name: string | null): string {
  switch (of) {
    case "step":
      return `the result of step ${shown(name)}`;
    case "output":
      return "a function's result";
    case "error":
      return name === null ? "an error" : `the error of step ${shown(name)}`;
    case "invoke":
      return "the data of an invocation";
    case "signal":
      return `the data of signal ${shown(name)}`;
    case "event":
      return `the data of event ${shown(name)}`;
  }
}

/** Holds for what comes from JSON, and for nothing else. */
function isRecord(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
