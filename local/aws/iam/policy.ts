/**
 * Owns: policy documents as statements that can be evaluated, of roles (identity policies) and of resources.
 * Must not: evaluate. Elements that are not modelled (NotAction, NotResource, NotPrincipal) are refused here.
 */
import { readConditions, type Condition } from "./condition.js";
import { policyNotModelled } from "./errors.js";

export interface Statement {
  /** Where it stands: "<policy>[<index>]", with its Sid behind it when it has one. */
  readonly id: string;
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  /** Empty in a trust policy, whose resource is the role itself. */
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
  /** Of a resource's policy: `*`, ARNs, and `service:<name>`. Empty in identity policies. */
  readonly principals: readonly string[];
}

const ELEMENTS: ReadonlySet<string> = new Set(["Sid", "Effect", "Action", "Resource", "Condition", "Principal"]);

/** The statements of a document. `source` names it in messages and in the record of what was used. */
export function readPolicy(document: unknown, source: string): Statement[] {
  const statements = isRecord(document) ? listOf(document["Statement"]) : [];
  return statements.map((raw, index) => readStatement(raw, `${source}[${index}]`));
}

function readStatement(raw: unknown, place: string): Statement {
  if (!isRecord(raw)) throw policyNotModelled({ statement: place, problem: "it is not an object" });
  const id = raw["Sid"] === undefined ? place : `${place} ${String(raw["Sid"])}`;
  const foreign = Object.keys(raw).find((name) => !ELEMENTS.has(name));
  if (foreign !== undefined)
    throw policyNotModelled({ statement: id, problem: `element "${foreign}" is not modelled` });
  const effect = raw["Effect"];
  if (effect !== "Allow" && effect !== "Deny") {
    throw policyNotModelled({ statement: id, problem: `its Effect is ${JSON.stringify(effect)}` });
  }
  return {
    id,
    effect,
    actions: textsOf(raw["Action"], id),
    resources: textsOf(raw["Resource"], id),
    conditions: readConditions(raw["Condition"], id),
    principals: readPrincipals(raw["Principal"], id),
  };
}

function readPrincipals(element: unknown, id: string): string[] {
  if (element === undefined) return [];
  if (element === "*") return ["*"];
  if (!isRecord(element)) throw policyNotModelled({ statement: id, problem: "its Principal is not an object" });
  return Object.entries(element).flatMap(([kind, names]) => {
    if (kind === "AWS") return textsOf(names, id);
    if (kind === "Service") return textsOf(names, id).map((name) => `service:${name}`);
    throw policyNotModelled({ statement: id, problem: `principals of kind "${kind}" are not modelled` });
  });
}

function textsOf(value: unknown, id: string): string[] {
  return listOf(value).map((text) => {
    if (typeof text === "string") return text;
    throw policyNotModelled({ statement: id, problem: `${JSON.stringify(text)} is not a string` });
  });
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
