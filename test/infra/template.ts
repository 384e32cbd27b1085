/** A synthesized template as tests ask it: resources by type, policies by role, references resolved to logical ids. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { App } from "aws-cdk-lib";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Properties = { [name: string]: Json };

export interface Resource {
  id: string;
  type: string;
  properties: Properties;
  deletionPolicy: Json;
  updateReplacePolicy: Json;
}

export interface Statement {
  sid: string;
  effect: string;
  actions: string[];
  /** As a finding spells them: `<LogicalId.Arn>/runs/*`. */
  resources: string[];
  conditions: Json;
}

export const isObject = (value: Json | undefined): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const listOf = (value: Json | undefined): Json[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

export const record = (value: Json | undefined): Properties => (isObject(value) ? value : {});

/** The logical id a reference leads to; the text itself where it is none. */
export function targetOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  if (!isObject(value)) return "";
  const attribute = listOf(value["Fn::GetAtt"])[0];
  return targetOf(value["Ref"] ?? attribute ?? "");
}

/** A value with references as text. */
export function flat(value: Json | undefined): string {
  if (typeof value === "string") return value;
  if (!isObject(value)) return JSON.stringify(value ?? "");
  if ("Ref" in value) return `<${flat(value["Ref"])}>`;
  if ("Fn::ImportValue" in value) return `import(${flat(value["Fn::ImportValue"])})`;
  if ("Fn::GetAtt" in value) return `<${listOf(value["Fn::GetAtt"]).map(flat).join(".")}>`;
  if ("Fn::Join" in value) {
    const [separator, parts] = listOf(value["Fn::Join"]);
    return listOf(parts).map(flat).join(flat(separator));
  }
  return JSON.stringify(value);
}

export class Template {
  readonly resources: readonly Resource[];
  readonly outputs: Properties;

  constructor(template: Json) {
    const { Resources, Outputs } = record(template);
    this.outputs = record(Outputs);
    this.resources = Object.entries(record(Resources)).map(([id, value]) => {
      const { Type, Properties, DeletionPolicy = null, UpdateReplacePolicy = null } = record(value);
      return {
        id,
        type: String(Type),
        properties: record(Properties),
        deletionPolicy: DeletionPolicy,
        updateReplacePolicy: UpdateReplacePolicy,
      };
    });
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  get(id: string): Resource {
    const found = this.resources.find((resource) => resource.id === id);
    if (!found) throw new Error(`The template has no resource "${id}"`);
    return found;
  }

  /** The one resource of a type whose logical id begins so. */
  one(type: string, prefix: string): Resource {
    const [found, ...others] = this.of(type).filter(({ id }) => id.startsWith(prefix));
    if (!found || others.length > 0) throw new Error(`The template has not one ${type} "${prefix}…"`);
    return found;
  }

  /** What the role with this logical id may do, by all policies attached to it. */
  statementsOf(roleId: string): Statement[] {
    const attached = this.of("AWS::IAM::Policy").filter(({ properties }) =>
      listOf(properties["Roles"]).some((role) => targetOf(role) === roleId),
    );
    return attached.flatMap(({ properties }) => statements(properties["PolicyDocument"]));
  }
}

export function statements(document: Json | undefined): Statement[] {
  return listOf(record(document)["Statement"]).map((statement) => {
    const { Sid = "", Effect, Action, Resource, Condition = null } = record(statement);
    return {
      sid: String(Sid),
      effect: String(Effect),
      actions: listOf(Action).map(String),
      resources: listOf(Resource).map(flat),
      conditions: Condition,
    };
  });
}

export interface Assembly {
  directory: string;
  template(stackName: string): Template;
  remove(): void;
}

/** Synthesizes an app into a directory of its own, outside this repository. */
export function synthesize(make: (outdir: string) => App): Assembly {
  const directory = mkdtempSync(join(tmpdir(), "perdure-synth-"));
  make(directory).synth();
  const read = (name: string): Json => JSON.parse(readFileSync(join(directory, name), "utf8")) as Json;
  return {
    directory,
    template: (stackName) => new Template(read(`${stackName}.template.json`)),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
