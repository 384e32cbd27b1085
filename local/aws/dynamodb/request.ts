/**
 * Owns: reading the parameters of a call strictly: a parameter the model does not know is refused by name, a parameter of a
 * wrong shape is refused as the service refuses it, and broken constraints are gathered into the service's one message.
 * Must not: know what the parameters are for.
 */
import type { Input } from "../model.js";
import { isRecord } from "./attribute-codec.js";
import { notModelled, unreadable, validation } from "./errors.js";

const TABLE_NAME = /^[a-zA-Z0-9_.-]+$/;
const MAX_TABLE_NAME = 255;

export class Request {
  readonly operation: string;
  private readonly input: Input;
  private violations: string[] | undefined;

  constructor(operation: string, input: unknown, modelled: ReadonlySet<string>) {
    if (!isRecord(input)) throw unreadable(operation, "an object of parameters");
    for (const name of Object.keys(input)) {
      if (input[name] !== undefined && !modelled.has(name)) {
        throw notModelled(operation, `parameter "${name}"`, `only ${[...modelled].join(", ")}`);
      }
    }
    this.operation = operation;
    this.input = input;
  }

  has(name: string): boolean {
    return this.input[name] !== undefined;
  }

  raw(name: string): unknown {
    return this.input[name];
  }

  text(name: string): string | undefined {
    const value = this.input[name];
    if (value !== undefined && typeof value !== "string") throw unreadable(name, "a string");
    return value;
  }

  flag(name: string): boolean {
    const value = this.input[name] ?? false;
    if (typeof value !== "boolean") throw unreadable(name, "a boolean");
    return value;
  }

  /** A positive whole number, or undefined when not given. */
  count(name: string): number | undefined {
    const value = this.input[name];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value)) throw unreadable(name, "an integer");
    if (value >= 1) return value;
    this.violate(`Value at '${name}' failed to satisfy constraint: Member must have value greater than or equal to 1`);
    return undefined;
  }

  list(name: string): unknown[] | undefined {
    const value = this.input[name];
    if (value !== undefined && !Array.isArray(value)) throw unreadable(name, "an array");
    return value;
  }

  record(name: string): Record<string, unknown> | undefined {
    const value = this.input[name];
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw unreadable(name, "a map");
    return value;
  }

  /** One of `allowed`, or undefined when not given or not allowed (then `refuseViolations` throws). */
  choice<Choice extends string>(name: string, allowed: readonly Choice[]): Choice | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = allowed.find((choice) => choice === value);
    if (found === undefined) {
      const at = constraintName(name);
      this.violate(
        `Value '${value}' at '${at}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(", ")}]`,
      );
    }
    return found;
  }

  /** Notes the violation of a missing parameter. */
  require(name: string): void {
    if (this.input[name] !== undefined) return;
    this.violate(`Value null at '${constraintName(name)}' failed to satisfy constraint: Member must not be null`);
  }

  /** The table's name; the service answers for a bad one before it looks at anything else. */
  tableName(minLength = 1): string {
    const name = this.text("TableName");
    const value = name === undefined ? "null" : `'${name}'`;
    const problem = tableNameProblem(name, minLength);
    if (problem === undefined && name !== undefined) return name;
    throw validation(
      `1 validation error detected: Value ${value} at 'tableName' failed to satisfy constraint: ${problem ?? ""}`,
    );
  }

  violate(violation: string): void {
    this.violations = [...(this.violations ?? []), violation];
  }

  /** Throws one message with every violation noted so far. */
  refuseViolations(): void {
    if (this.violations === undefined) return;
    const count = this.violations.length;
    const noun = count === 1 ? "error" : "errors";
    throw validation(`${count} validation ${noun} detected: ${this.violations.join("; ")}`);
  }
}

/** Constraint messages name a parameter with a small first letter. */
function constraintName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function tableNameProblem(name: string | undefined, minLength: number): string | undefined {
  if (name === undefined) return "Member must not be null";
  if (name.startsWith("arn:")) throw notModelled("TableName", "a table ARN", "the table's name");
  if (name.length < minLength) return `Member must have length greater than or equal to ${minLength}`;
  if (name.length > MAX_TABLE_NAME) return `Member must have length less than or equal to ${MAX_TABLE_NAME}`;
  if (!TABLE_NAME.test(name)) return "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
  return undefined;
}
