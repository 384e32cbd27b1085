/**
 * Owns: CloudFormation's intrinsic functions: a value of a template with every Ref, Fn::GetAtt, Fn::Sub … replaced by what it
 * stands for.
 * Source: AWS CloudFormation user guide, "Intrinsic function reference".
 * Must not: guess. A function or a name that is not known is refused with its place in the template.
 */
import { templateNotModelled } from "./errors.js";
import { entriesOf, isObject, listOf, type JsonObject } from "./json.js";

export interface Scope {
  /** What Ref gives: a parameter, a pseudo parameter or a created resource; undefined when there is no such name. */
  ref(name: string): unknown;
  attribute(logicalId: string, name: string): unknown;
  condition(name: string): boolean;
  exported(name: string): unknown;
  mapping(map: string, key: string, name: string): unknown;
}

/** A property that is not there: `AWS::NoValue`. */
export const NO_VALUE = Symbol("AWS::NoValue");

const DYNAMIC_REFERENCE = /\{\{resolve:/;
const SUBSTITUTION = /\$\{(!?)([^}]*)\}/g;

type Intrinsic = (argument: unknown, scope: Scope, place: string) => unknown;

const INTRINSICS: ReadonlyMap<string, Intrinsic> = new Map<string, Intrinsic>([
  ["Ref", (name, scope, place) => reference(text(name, place), scope, place)],
  ["Fn::GetAtt", (argument, scope, place) => attribute(argument, scope, place)],
  ["Fn::Sub", substitute],
  ["Fn::Join", join],
  ["Fn::Select", select],
  ["Fn::Split", split],
  ["Fn::ImportValue", (name, scope, place) => found(scope.exported(text(resolved(name, scope, place), place)), place)],
  ["Fn::FindInMap", findInMap],
  ["Fn::If", chosen],
  ["Fn::Base64", (value, scope, place) => Buffer.from(text(resolved(value, scope, place), place)).toString("base64")],
]);

/** The value with all intrinsics replaced. `place` names it in errors. */
export function resolved(value: unknown, scope: Scope, place: string): unknown {
  if (typeof value === "string") {
    if (DYNAMIC_REFERENCE.test(value)) throw templateNotModelled({ place, problem: `a dynamic reference, ${value}` });
    return value;
  }
  if (Array.isArray(value)) {
    return value
      .map((member, index) => resolved(member, scope, `${place}[${index}]`))
      .filter((each) => each !== NO_VALUE);
  }
  if (!isObject(value)) return value;
  const intrinsic = intrinsicOf(value, place);
  return intrinsic === undefined ? resolvedObject(value, scope, place) : intrinsic(scope);
}

function resolvedObject(value: JsonObject, scope: Scope, place: string): JsonObject {
  const members = Object.entries(value).map(
    ([key, member]) => [key, resolved(member, scope, `${place}.${key}`)] as const,
  );
  return Object.fromEntries(members.filter(([, member]) => member !== NO_VALUE));
}

function intrinsicOf(value: JsonObject, place: string): ((scope: Scope) => unknown) | undefined {
  const [only, ...others] = Object.entries(value);
  if (only === undefined || others.length > 0) return undefined;
  const [name, argument] = only;
  if (name !== "Ref" && !name.startsWith("Fn::")) return undefined;
  const intrinsic = INTRINSICS.get(name);
  if (intrinsic === undefined) throw templateNotModelled({ place, problem: `the function ${name}` });
  return (scope) => intrinsic(argument, scope, `${place}.${name}`);
}

function reference(name: string, scope: Scope, place: string): unknown {
  if (name === "AWS::NoValue") return NO_VALUE;
  return found(scope.ref(name), `${place} ${name}`);
}

function attribute(argument: unknown, scope: Scope, place: string): unknown {
  const parts = typeof argument === "string" ? argument.split(".") : listOf(argument);
  const [logicalId, ...names] = parts.map(String);
  return found(scope.attribute(logicalId ?? "", names.join(".")), `${place} ${parts.join(".")}`);
}

function substitute(argument: unknown, scope: Scope, place: string): string {
  const [template, variables] = Array.isArray(argument) ? argument : [argument, {}];
  return text(template, place).replace(SUBSTITUTION, (_whole, literal: string, name: string) => {
    if (literal !== "") return `\${${name}}`;
    if (isObject(variables) && name in variables) return text(resolved(variables[name], scope, place), place);
    const value = name.includes(".") ? attribute(name, scope, place) : reference(name, scope, place);
    return text(value, `${place} ${name}`);
  });
}

function join(argument: unknown, scope: Scope, place: string): string {
  const [delimiter, values] = listOf(argument);
  const parts = resolved(values, scope, place);
  return listOf(parts)
    .map((part) => text(part, place))
    .join(text(delimiter, place));
}

function split(argument: unknown, scope: Scope, place: string): string[] {
  const [delimiter, value] = listOf(argument);
  return text(resolved(value, scope, place), place).split(text(delimiter, place));
}

function select(argument: unknown, scope: Scope, place: string): unknown {
  const [index, values] = listOf(argument);
  return found(listOf(resolved(values, scope, place))[Number(resolved(index, scope, place))], place);
}

function findInMap(argument: unknown, scope: Scope, place: string): unknown {
  const [map, key, name] = listOf(resolved(argument, scope, place)).map(String);
  return found(scope.mapping(map ?? "", key ?? "", name ?? ""), place);
}

function chosen(argument: unknown, scope: Scope, place: string): unknown {
  const [name, yes, no] = listOf(argument);
  return resolved(scope.condition(text(name, place)) ? yes : no, scope, place);
}

/** A condition of the template's Conditions section. `named` answers for other conditions. */
export function evaluateCondition(value: unknown, scope: Scope, place: string): boolean {
  const [[name, argument] = ["", undefined]] = entriesOf(value);
  const all = (): boolean[] => listOf(argument).map((each) => evaluateCondition(each, scope, `${place}.${name}`));
  switch (name) {
    case "Condition":
      return scope.condition(text(argument, place));
    case "Fn::Equals": {
      const [left, right] = listOf(argument).map((each) => resolved(each, scope, place));
      return String(left) === String(right);
    }
    case "Fn::And":
      return all().every(Boolean);
    case "Fn::Or":
      return all().some(Boolean);
    case "Fn::Not":
      return !all().every(Boolean);
    default:
      throw templateNotModelled({ place, problem: `the condition ${name}` });
  }
}

function found(value: unknown, place: string): unknown {
  if (value === undefined) throw templateNotModelled({ place, problem: "it stands for nothing known" });
  return value;
}

function text(value: unknown, place: string): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw templateNotModelled({ place, problem: `${JSON.stringify(value)} is not text` });
}
