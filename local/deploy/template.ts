/**
 * Owns: a template's sections and the order in which its resources can be made: what one refers to comes before it.
 * Must not: know a resource type.
 */
import { templateNotModelled } from "./errors.js";
import { entriesOf, isObject, listOf, type JsonObject } from "./json.js";

export interface TemplateResource {
  logicalId: string;
  type: string;
  properties: JsonObject;
  condition: string | undefined;
}

export interface Template {
  parameters: ReadonlyMap<string, unknown>;
  conditions: JsonObject;
  mappings: JsonObject;
  outputs: JsonObject;
  /** In an order in which each comes after all it depends on. */
  resources: readonly TemplateResource[];
}

const SECTIONS: ReadonlySet<string> = new Set([
  "AWSTemplateFormatVersion",
  "Description",
  "Metadata",
  "Parameters",
  "Rules",
  "Mappings",
  "Conditions",
  "Resources",
  "Outputs",
]);
const ATTRIBUTES: ReadonlySet<string> = new Set([
  "Type",
  "Properties",
  "DependsOn",
  "Condition",
  "Metadata",
  "DeletionPolicy",
  "UpdateReplacePolicy",
  "UpdatePolicy",
]);

/** The template in its parts. `given` are parameter values beside the defaults. */
export function readTemplate(template: JsonObject, given: Readonly<Record<string, string>> = {}): Template {
  const foreign = Object.keys(template).find((section) => !SECTIONS.has(section));
  if (foreign !== undefined) throw templateNotModelled({ place: foreign, problem: "a section of this name" });
  const section = (name: string): JsonObject => Object.fromEntries(entriesOf(template[name]));
  const defaults = entriesOf(template["Parameters"]).map(
    ([name, parameter]) => [name, given[name] ?? (isObject(parameter) ? parameter["Default"] : undefined)] as const,
  );
  return {
    parameters: new Map(defaults),
    conditions: section("Conditions"),
    mappings: section("Mappings"),
    outputs: section("Outputs"),
    resources: inOrder(section("Resources")),
  };
}

function inOrder(resources: JsonObject): TemplateResource[] {
  const ordered: TemplateResource[] = [];
  const done = new Set<string>();
  const underWay: string[] = [];
  const visit = (logicalId: string): void => {
    if (done.has(logicalId)) return;
    if (underWay.includes(logicalId)) {
      throw templateNotModelled({ place: logicalId, problem: `a circle of dependencies, ${underWay.join(" → ")}` });
    }
    underWay.push(logicalId);
    const resource = resources[logicalId];
    for (const dependency of dependenciesOf(resource)) if (dependency in resources) visit(dependency);
    underWay.pop();
    done.add(logicalId);
    ordered.push(readResource(logicalId, resource));
  };
  for (const logicalId of Object.keys(resources)) visit(logicalId);
  return ordered;
}

function readResource(logicalId: string, raw: unknown): TemplateResource {
  const resource = isObject(raw) ? raw : {};
  const foreign = Object.keys(resource).find((name) => !ATTRIBUTES.has(name));
  if (foreign !== undefined) throw templateNotModelled({ place: logicalId, problem: `the attribute ${foreign}` });
  const { Type: type, Properties: properties, Condition: condition } = resource;
  return {
    logicalId,
    type: String(type),
    properties: isObject(properties) ? properties : {},
    condition: typeof condition === "string" ? condition : undefined,
  };
}

/** Every logical id a resource names, in its properties or in DependsOn. Names that are no resources are among them. */
function dependenciesOf(resource: unknown): string[] {
  if (!isObject(resource)) return [];
  const { DependsOn: explicit, Properties: properties } = resource;
  return [...(typeof explicit === "string" ? [explicit] : listOf(explicit).map(String)), ...namesIn(properties)];
}

function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  return entriesOf(value).flatMap(([key, member]) => {
    if (key === "Ref" && typeof member === "string") return [member];
    if (key === "Fn::GetAtt") return [String(typeof member === "string" ? member.split(".")[0] : listOf(member)[0])];
    if (key === "Fn::Sub") return [...substituted(Array.isArray(member) ? member[0] : member), ...namesIn(member)];
    return namesIn(member);
  });
}

function substituted(template: unknown): string[] {
  return [...String(template).matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = ""]) => name.split(".")[0] ?? name);
}
