/**
 * Owns: reading the input of a modelled call. Every parameter is asked for by name and type; a parameter that nobody models
 * is refused at once, so that a model never answers a question it did not read.
 * Must not: know a service's rules. What a missing or mistyped parameter answers is given by the service.
 */
import { NotModelledError, type AwsServiceError, type Input } from "../model.js";

/** How a service answers input that does not have the shape of the call. */
export interface InputErrors {
  missing(name: string): AwsServiceError;
  mistyped(name: string, expected: string): AwsServiceError;
}

function isRecord(value: unknown): value is Input {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}

export class Parameters {
  /** What is being read, for messages: `sqs SendMessage`, `scheduler CreateSchedule Target`. */
  readonly where: string;
  readonly #input: Input;
  readonly #errors: InputErrors;

  constructor(where: string, input: Input, known: readonly string[], errors: InputErrors) {
    this.where = where;
    this.#input = input;
    this.#errors = errors;
    for (const [name, value] of Object.entries(input)) {
      if (value !== undefined && !known.includes(name)) {
        throw new NotModelledError(`Cannot answer ${where}: parameter "${name}" is not modelled`);
      }
    }
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  text(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.#errors.mistyped(name, "a string");
  }

  requireText(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw this.#errors.missing(name);
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    throw this.#errors.mistyped(name, "an integer");
  }

  flag(name: string): boolean | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#errors.mistyped(name, "a boolean");
  }

  bytes(name: string): Uint8Array | undefined {
    const value = this.#value(name);
    if (value === undefined || value instanceof Uint8Array) return value;
    throw this.#errors.mistyped(name, "bytes");
  }

  timeMs(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime();
    throw this.#errors.mistyped(name, "a timestamp");
  }

  texts(name: string): readonly string[] | undefined {
    return this.#list(name)?.map((value) => {
      if (typeof value === "string") return value;
      throw this.#errors.mistyped(name, "a list of strings");
    });
  }

  /** A structure inside the input, read by the same rules. */
  structure(name: string, known: readonly string[]): Parameters | undefined {
    const value = this.#record(name);
    return value && new Parameters(`${this.where} ${name}`, value, known, this.#errors);
  }

  requireStructure(name: string, known: readonly string[]): Parameters {
    const value = this.structure(name, known);
    if (value === undefined) throw this.#errors.missing(name);
    return value;
  }

  structures(name: string, known: readonly string[]): readonly Parameters[] | undefined {
    return this.#list(name)?.map((value) => {
      if (!isRecord(value)) throw this.#errors.mistyped(name, "a list of structures");
      return new Parameters(`${this.where} ${name}`, value, known, this.#errors);
    });
  }

  /** A map from any key to structures with the `known` members. */
  structureMap(name: string, known: readonly string[]): ReadonlyMap<string, Parameters> | undefined {
    const value = this.#record(name);
    if (value === undefined) return undefined;
    const entries = Object.entries(value).map(([key, member]): [string, Parameters] => {
      if (!isRecord(member)) throw this.#errors.mistyped(`${name}.${key}`, "a structure");
      return [key, new Parameters(`${this.where} ${name}`, member, known, this.#errors)];
    });
    return new Map(entries);
  }

  /** A map from any key to strings. Members that are undefined are left out, as the SDK's serializer does. */
  textMap(name: string): ReadonlyMap<string, string> | undefined {
    const value = this.#record(name);
    if (value === undefined) return undefined;
    const texts = new Map<string, string>();
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      if (typeof member !== "string") throw this.#errors.mistyped(`${name}.${key}`, "a string");
      texts.set(key, member);
    }
    return texts;
  }

  /** The value as given, for the few parameters with more than one type. */
  raw(name: string): unknown {
    return this.#value(name);
  }

  /** `null` reads as absent: the SDK's serializers leave both out. */
  #value(name: string): unknown {
    return Object.hasOwn(this.#input, name) ? (this.#input[name] ?? undefined) : undefined;
  }

  #record(name: string): Input | undefined {
    const value = this.#value(name);
    if (value === undefined || isRecord(value)) return value;
    throw this.#errors.mistyped(name, "a structure");
  }

  #list(name: string): readonly unknown[] | undefined {
    const value = this.#value(name);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.#errors.mistyped(name, "a list");
  }
}
