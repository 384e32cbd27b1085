/**
 * Owns: the form of every error the platform raises on purpose. Each room keeps its own entries beside the code that raises
 * them, made with `defineError`; docs/errors.md is generated from all of them.
 * Message form: `Cannot <verb> <thing> "<id>": <what is>; expected <what should be>`. No secret is ever a part of it.
 */

export interface ErrorDefinition<Context> {
  /** Stable, UPPER_SNAKE. Never reused for another meaning. */
  code: string;
  /** HTTP status where the error answers a request. */
  status: number;
  /** Whether the same request may succeed later without a change. */
  retryable: boolean;
  message(context: Context): string;
  /** The one thing to do next. */
  remedy: string;
}

// By key, not by class: the package's entry points are bundled apart, and a project may hold two copies of it.
const errorBrand = Symbol.for("perdure.PerdureError");

export class PerdureError extends Error {
  readonly [errorBrand] = true;
  override readonly name: string = "PerdureError";
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly remedy: string;
  constructor(definition: Omit<ErrorDefinition<never>, "message">, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = definition.code;
    this.status = definition.status;
    this.retryable = definition.retryable;
    this.remedy = definition.remedy;
  }
}

/** Whether a value is an error of the catalogue, made by this copy of the package or another. */
export function isPerdureError(value: unknown): value is PerdureError {
  if (typeof value !== "object" || value === null) return false;
  try {
    return Reflect.get(value, errorBrand) === true;
  } catch {
    // A proxy that cannot be asked: whatever was thrown, it is none of ours.
    return false;
  }
}

export interface ErrorFactory<Context> {
  (context: Context, options?: ErrorOptions): PerdureError;
  readonly definition: ErrorDefinition<Context>;
}

const definitions = new Map<string, ErrorDefinition<never>>();

/** Adds an entry to the catalogue and returns the function that makes the error. A code defined twice throws at load. */
export function defineError<Context>(definition: ErrorDefinition<Context>): ErrorFactory<Context> {
  if (definitions.has(definition.code)) throw new Error(`Cannot define error "${definition.code}": it exists already`);
  definitions.set(definition.code, definition);
  const make = (context: Context, options?: ErrorOptions): PerdureError =>
    new PerdureError(definition, definition.message(context), options);
  return Object.assign(make, { definition });
}

/** Every entry defined by the modules loaded so far, by code. */
export function definedErrors(): ReadonlyMap<string, ErrorDefinition<never>> {
  return definitions;
}

const SHOWN_CHARACTERS = 120;

/**
 * What JSON leaves as it is and terminals and log viewers obey: control characters beyond ASCII's (U+009B begins an escape
 * sequence as ESC [ does), separators that are taken for line ends, and marks that turn the direction of what follows.
 */
const OBEYED = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON whose characters are all seen and none obeyed, wherever it is printed. The same JSON, to a parser. */
export function visibleJson(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value as it may stand in a message: JSON, cut to a bounded length, control characters escaped (no log injection). */
export function shown(value: unknown): string {
  const text = visibleJson(typeof value === "string" ? JSON.stringify(value) : textOf(value));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).replace(/[\uD800-\uDBFF]$/, "")}…` : text;
}

/** A bigint, a cycle or a throwing getter has no JSON, nor has NaN; an error about it must still be made. */
function textOf(value: unknown): string {
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value === "bigint" ? `${value}n` : `a value of type ${typeof value}`;
  }
}
