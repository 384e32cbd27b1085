/**
 * Owns: reading a cloud assembly, the directory `cdk synth` writes: the stack's template, and where each of its assets lies.
 * Must not: interpret the template.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { assemblyUnreadable } from "./errors.js";
import { entriesOf, isObject, type JsonObject } from "./json.js";

export interface StackAssembly {
  stackName: string;
  template: JsonObject;
  /** Key of an object in the assets bucket → the file or directory that would be uploaded (a zip: its directory). */
  assets: ReadonlyMap<string, string>;
}

const STACK = "aws:cloudformation:stack";
const ASSETS = "cdk:asset-manifest";

/** The assembly's stack of this name; without a name, its only stack. Throws ASSEMBLY_UNREADABLE. */
export function readAssembly(directory: string, stackName?: string): StackAssembly {
  const artifacts = entriesOf(readJson(directory, "manifest.json")["artifacts"]);
  const ofType = (type: string): [string, JsonObject][] =>
    artifacts.flatMap(([id, artifact]) => (isObject(artifact) && artifact["type"] === type ? [[id, artifact]] : []));
  const stacks = ofType(STACK).filter(([id]) => stackName === undefined || id === stackName);
  const [stack] = stacks;
  if (stack === undefined || stacks.length > 1) {
    const names = ofType(STACK).map(([id]) => id);
    throw assemblyUnreadable({
      directory,
      problem: `asked for "${stackName ?? "its only stack"}", it has ${names.join(", ")}`,
    });
  }
  const [id, artifact] = stack;
  const template = readJson(directory, fileOf(artifact, "templateFile"));
  const manifests = ofType(ASSETS).map(([, manifest]) => readJson(directory, fileOf(manifest, "file")));
  return { stackName: id, template, assets: new Map(manifests.flatMap((manifest) => assetsOf(directory, manifest))) };
}

function assetsOf(directory: string, manifest: JsonObject): [string, string][] {
  return entriesOf(manifest["files"]).flatMap(([, asset]) => {
    const source = isObject(asset) ? asset["source"] : undefined;
    const path =
      isObject(source) && typeof source["path"] === "string" ? resolve(directory, source["path"]) : undefined;
    const destinations = isObject(asset) ? entriesOf(asset["destinations"]) : [];
    return destinations.flatMap(([, destination]): [string, string][] =>
      path !== undefined && isObject(destination) ? [[String(destination["objectKey"]), path]] : [],
    );
  });
}

function fileOf(artifact: JsonObject, property: string): string {
  const properties = artifact["properties"];
  return String(isObject(properties) ? properties[property] : undefined);
}

function readJson(directory: string, name: string): JsonObject {
  const file = join(directory, name);
  if (!existsSync(file)) throw assemblyUnreadable({ directory, problem: `it has no ${name}` });
  const content: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isObject(content)) throw assemblyUnreadable({ directory, problem: `${name} is not an object` });
  return content;
}
