/**
 * Owns: ExpressionAttributeNames and ExpressionAttributeValues of one call: that every placeholder used is defined, that
 * every one defined is used, and what each stands for.
 */
import { decodeValue } from "../attribute-codec.js";
import { unreadable, validation } from "../errors.js";
import type { Request } from "../request.js";
import type { Value } from "../value.js";
import type { Parsed, Path, ResolvedPath } from "./syntax.js";

const NAME_KEY = /^#[A-Za-z0-9_]+$/;
const VALUE_KEY = /^:[A-Za-z0-9_]+$/;

const NO_NAMES: ReadonlyMap<string, string> = new Map();
const NO_VALUES: ReadonlyMap<string, Value> = new Map();

/**
 * Reads the placeholders and checks them against the expressions given. `expressionParameters` are those the operation has, for
 * the message when none of them was given.
 */
export function bind(
  request: Request,
  expressionParameters: readonly string[],
  expressions: readonly (Parsed<unknown> | undefined)[],
): Bindings {
  const names = request.record("ExpressionAttributeNames");
  const values = request.record("ExpressionAttributeValues");
  const used = expressions.filter((expression) => expression !== undefined);
  if (used.length === 0) {
    const given = names !== undefined ? "ExpressionAttributeNames" : "ExpressionAttributeValues";
    if (names === undefined && values === undefined) return new Bindings(NO_NAMES, NO_VALUES);
    const none = `${expressionParameters.join(" and ")} ${expressionParameters.length > 1 ? "are" : "is"} null`;
    throw validation(`${given} can only be specified when using expressions: ${none}`);
  }
  const bindings = new Bindings(
    names === undefined ? NO_NAMES : readNames(names),
    values === undefined ? NO_VALUES : readValues(values),
  );
  for (const expression of used) refuseUndefined(expression, bindings);
  refuseUnused("ExpressionAttributeNames", bindings.names, (key) => used.some(({ names: all }) => all.includes(key)));
  refuseUnused("ExpressionAttributeValues", bindings.values, (key) =>
    used.some(({ values: all }) => all.includes(key)),
  );
  return bindings;
}

export class Bindings {
  readonly names: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, Value>;

  constructor(names: ReadonlyMap<string, string>, values: ReadonlyMap<string, Value>) {
    this.names = names;
    this.values = values;
  }

  value(name: string): Value {
    const value = this.values.get(name);
    if (value === undefined) throw validation(`An expression attribute value is not defined: ${name}`);
    return value;
  }

  name(placeholder: string): string {
    const name = this.names.get(placeholder);
    if (name === undefined) throw validation(`An expression attribute name is not defined: ${placeholder}`);
    return name;
  }

  resolve(path: Path): ResolvedPath {
    return path.map((step) => {
      if (step.kind === "index") return step.index;
      return step.kind === "name" ? step.name : this.name(step.name);
    });
  }
}

function readNames(raw: Record<string, unknown>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [key, name] of Object.entries(raw)) {
    if (!NAME_KEY.test(key)) {
      throw validation(`ExpressionAttributeNames contains invalid key: Syntax error; key: "${key}"`);
    }
    if (typeof name !== "string") throw unreadable("ExpressionAttributeNames", "a map of strings");
    if (name === "") throw validation(`ExpressionAttributeNames contains invalid value: (empty) for key ${key}`);
    names.set(key, name);
  }
  if (names.size === 0) throw validation("ExpressionAttributeNames must not be empty");
  return names;
}

function readValues(raw: Record<string, unknown>): Map<string, Value> {
  const values = new Map<string, Value>();
  for (const [key, value] of Object.entries(raw)) {
    if (!VALUE_KEY.test(key)) {
      throw validation(`ExpressionAttributeValues contains invalid key: Syntax error; key: "${key}"`);
    }
    values.set(key, readValue(key, value));
  }
  if (values.size === 0) throw validation("ExpressionAttributeValues must not be empty");
  return values;
}

/** A bad value is reported with the key it was given for. */
function readValue(key: string, raw: unknown): Value {
  try {
    return decodeValue(raw);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ValidationException") throw error;
    throw validation(`ExpressionAttributeValues contains invalid value: ${error.message} for key ${key}`);
  }
}

function refuseUndefined(expression: Parsed<unknown>, bindings: Bindings): void {
  for (const name of expression.names) {
    if (bindings.names.has(name)) continue;
    throw validation(
      `Invalid ${expression.kind}: An expression attribute name used in the document path is not defined; attribute name: ${name}`,
    );
  }
  for (const name of expression.values) {
    if (bindings.values.has(name)) continue;
    throw validation(
      `Invalid ${expression.kind}: An expression attribute value used in expression is not defined; attribute value: ${name}`,
    );
  }
}

function refuseUnused(
  parameter: string,
  defined: ReadonlyMap<string, unknown>,
  isUsed: (key: string) => boolean,
): void {
  if (defined.size === 0) return;
  const unused = [...defined.keys()].filter((key) => !isUsed(key));
  if (unused.length === 0) return;
  throw validation(`Value provided in ${parameter} unused in expressions: keys: {${unused.join(", ")}}`);
}
