/**
 * Goal: who follows docs/deploy.md word for word, in an empty directory, comes as far as one does without credentials.
 * Method: the page's own files beside the package as it is built, and the page's own command; then the template it made is
 * looked at, and its worker asked for its functions.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build } from "../../scripts/build.mjs";
import { read, ROOT } from "./markdown.js";

const page = read("docs/deploy.md");
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "perdure-new-user-"));
  const installed = join(directory, "node_modules", "perdure");
  mkdirSync(installed, { recursive: true });
  await build({ outdir: join(installed, "dist") });
  copyFileSync(join(ROOT, "package.json"), join(installed, "package.json"));
  const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
  for (const name of [...Object.keys(dependencies), "aws-cdk-lib", "constructs", "aws-cdk"]) link(name);
  for (const [name, content] of filesOf(page)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}, 120_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function link(name: string): void {
  const path = join(directory, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), path, "dir");
}

/** The files a page tells its reader to write: blocks of code that begin with their name. */
function filesOf(markdown: string): [string, string][] {
  const blocks = [...markdown.matchAll(/^```(?:ts|js|json)\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)];
  return blocks.map(([, name = "", content = ""]) => [name, content]);
}

it("names three files to write", () => {
  expect(filesOf(page).map(([name]) => name)).toEqual(["src/worker.ts", "infra.mjs", "cdk.json"]);
});

it("synthesizes by the command it gives, without credentials and without another file", () => {
  const [, words = ""] = /^npx cdk (synth[^#\n]*)/m.exec(page) ?? [];
  const cdk = join(directory, "node_modules", "aws-cdk", "bin", "cdk");
  execFileSync(process.execPath, [cdk, ...words.trim().split(/\s+/), "--no-notices"], {
    cwd: directory,
    stdio: "ignore",
    env: { PATH: process.env["PATH"], HOME: directory, CI: "true", CDK_DISABLE_CLI_TELEMETRY: "true" },
  });
  const template = JSON.parse(readFileSync(join(directory, "cdk.out", "Shop.template.json"), "utf8"));
  // Each output the page's shell functions ask for is one, by the beginning of its name.
  const asked = new Set([...page.matchAll(/\$\((?:output|key) (\w+)\)/g)].map(([, name = ""]) => name));
  expect([...asked].sort()).toEqual(["EventEndpoint", "EventKeysSecret", "SigningKeysSecret", "Url"]);
  const outputs = Object.keys(template.Outputs);
  for (const name of asked) {
    expect([name, outputs.filter((output) => output.startsWith(`Perdure${name}`)).length]).toEqual([name, 1]);
  }
}, 180_000);

it("its worker has the function it shows", () => {
  const [asset = ""] = readdirSync(join(directory, "cdk.out"))
    .filter((name) => name.startsWith("asset."))
    .filter((name) => readdirSync(join(directory, "cdk.out", name)).includes("index.mjs"));
  const module = pathToFileURL(join(directory, "cdk.out", asset, "index.mjs")).href;
  const script = `const { handler } = await import(${JSON.stringify(module)});
    const { appId, functions } = await handler({ perdure: "describe" }, {});
    console.log(JSON.stringify([appId, ...functions.map(({ id }) => id)]));`;
  const answer = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(JSON.parse(answer)).toEqual(["shop", "process-document"]);
});
