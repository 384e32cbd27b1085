/**
 * Owns: finding what a function's Handler names in its asset, as Lambda's Node runtime does: "index.handler" is the export
 * `handler` of index.mjs, index.js or index.cjs.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AwsServiceError } from "../aws/model.js";

const EXTENSIONS = ["mjs", "js", "cjs"];

/**
 * The module a sandbox loads; it exports `handler`. Where the template names another export, a module that passes it on is
 * written to `scratchDirectory`.
 */
export function moduleOf(assetDirectory: string, handler: string, scratchDirectory: string): string {
  const dot = handler.lastIndexOf(".");
  const [name, exported] = [handler.slice(0, dot), handler.slice(dot + 1)];
  if (!existsSync(assetDirectory) || !statSync(assetDirectory).isDirectory()) {
    throw new AwsServiceError("InvalidParameterValueException", `The code ${assetDirectory} is not a directory`);
  }
  const file = EXTENSIONS.map((extension) => join(assetDirectory, `${name}.${extension}`)).find((each) =>
    existsSync(each),
  );
  if (file === undefined) {
    throw new AwsServiceError("InvalidParameterValueException", `The code has no module for the handler "${handler}"`);
  }
  return exported === "handler" ? file : passedOn(file, exported, scratchDirectory);
}

function passedOn(file: string, exported: string, scratchDirectory: string): string {
  const url = JSON.stringify(pathToFileURL(file).href);
  const text = `import * as module from ${url};\nexport const handler = (module.default ?? module)[${JSON.stringify(exported)}] ?? module[${JSON.stringify(exported)}];\n`;
  mkdirSync(scratchDirectory, { recursive: true });
  const wrapper = join(scratchDirectory, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`);
  writeFileSync(wrapper, text);
  return wrapper;
}
