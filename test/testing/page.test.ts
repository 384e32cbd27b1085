/**
 * Goal: the code in docs/testing.md compiles and passes as it stands, under vitest and under node:test, against a package as
 * a user's project sees it.
 * Method: every block goes to the file it names, in a project of its own beside a bundled `perdure`; vitest blocks register
 * their tests here, the node:test block runs in a process of its own, which must also end by itself.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type BuildOptions } from "esbuild";
import * as vitest from "vitest";
import { read, ROOT } from "../docs/markdown.js";

const { afterAll, describe, expect, it } = vitest;
const project = join(ROOT, "node_modules", ".cache", `perdure-testing-${process.pid}`);

const SERVICES = `
export const bank = { charge: async (_orderId: string, cents: number): Promise<string> => "paid " + cents };
export const mailer = { send: async (to: string, text: string): Promise<string> => "to " + to + ": " + text };
`;

/** What the page's report is made with: the functions and the bank of its blocks. */
const REPORT = `
import { createTest } from "perdure/testing";
import { followUp, pay } from "./orders.js";
export async function report(): Promise<string> {
  const t = await createTest({
    functions: [pay, followUp],
    mocks: (mock) => {
      let charged = 0;
      mock(pay, "charge", () => "charged " + (charged += 1) + " times");
    },
  });
  const event = { name: "shop/order.placed", data: { orderId: "o_1", cents: 500 } };
  return (await t.chaos({ event, until: "31d", idempotent: ["thanks", "ask"] })).toString();
}
`;

const MANIFEST = {
  name: "perdure",
  version: "0.0.0",
  type: "module",
  exports: { ".": "./sdk.js", "./testing": "./testing.js" },
};

const TSCONFIG = {
  extends: "../../../tsconfig.json",
  compilerOptions: {
    paths: { perdure: ["../../../sdk/index.ts"], "perdure/testing": ["../../../local/testing/index.ts"] },
  },
  include: ["src"],
};

const SHARED: BuildOptions = { absWorkingDir: ROOT, bundle: true, platform: "node", format: "esm", target: "node20" };

/** The vitest that runs this file: a second copy of it would know nothing of this run. */
const VITEST = `export const { afterEach, beforeEach, expect, it, vi } = globalThis.perdurePageVitest;`;
Reflect.set(globalThis, "perdurePageVitest", vitest);

interface Block {
  file: string;
  code: string;
}

const blocks: Block[] = [...read("docs/testing.md").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => {
  const [, file = "unnamed"] = /^\/\/ (src\/[\w.-]+\.ts)\n/.exec(code) ?? [];
  return { file, code };
});

function write(file: string, text: string): void {
  const path = join(project, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The package as it is built, as far as tests need it. Answers what it imports from outside. */
async function buildPackage(): Promise<string[]> {
  const { metafile } = await build({
    ...SHARED,
    entryPoints: { sdk: "sdk/index.ts", testing: "local/testing/index.ts" },
    outdir: join(project, "node_modules", "perdure"),
    splitting: true,
    packages: "external",
    metafile: true,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return [...new Set(imports.filter(({ external }) => external).map(({ path }) => path))].sort();
}

async function bundled(file: string): Promise<string> {
  const outfile = join(project, "out", file.replace(/\.ts$/, ".mjs"));
  await build({
    ...SHARED,
    entryPoints: [join(project, file)],
    outfile,
    external: ["perdure", "perdure/testing"],
    alias: { vitest: join(project, "vitest.mjs") },
    // `await using` is newer than the oldest Node that is supported.
    supported: { using: false },
  });
  return outfile;
}

for (const { file, code } of blocks) write(file, code);
write("src/services.ts", SERVICES);
write("src/report.ts", REPORT);
write("vitest.mjs", VITEST);
write("tsconfig.json", JSON.stringify(TSCONFIG));
write("node_modules/perdure/package.json", JSON.stringify(MANIFEST));
const imports = await buildPackage();

afterAll(() => rmSync(project, { recursive: true, force: true }));

it("every block names its file", () => {
  expect(blocks.map(({ file }) => file)).toEqual([
    "src/orders.ts",
    "src/orders.test.ts",
    "src/bank.test.ts",
    "src/orders.node-test.ts",
  ]);
});

it("the blocks compile", () => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", project], { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});

it("the kit needs AWS clients and the expression library, and nothing else", () => {
  expect(imports.filter((path) => !path.startsWith("node:") && !path.startsWith("@aws-sdk/client-"))).toEqual([
    "@marcbachmann/cel-js",
  ]);
});

for (const { file } of blocks.filter((block) => block.file.endsWith(".test.ts"))) {
  const outfile = await bundled(file);
  describe(file, async () => {
    await import(/* @vite-ignore */ pathToFileURL(outfile).href);
  });
}

it("the report on the page is one the kit makes, its numbers of calls aside", async () => {
  // What the file above exports; the compiler has seen it.
  const { report } = (await import(/* @vite-ignore */ pathToFileURL(await bundled("src/report.ts")).href)) as {
    report(): Promise<string>;
  };
  const [, shown = ""] = /^```\n(\d+ crash points[\s\S]*?)\n```$/m.exec(read("docs/testing.md")) ?? [];
  const withoutCounts = (text: string): string =>
    text
      .replace(/\d+ crash points/g, "N crash points")
      .replace(/call \d+/g, "call N")
      .replace(/at \d+ points/g, "at N points");
  const made = await report();
  expect(withoutCounts(shown)).toBe(withoutCounts(made));
});

it("node:test runs its block, and the process ends by itself", async () => {
  const outfile = await bundled("src/orders.node-test.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--test", "--test-reporter=tap", outfile], {
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: process.env["PATH"] },
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("ok 1 - an order is followed up a month later");
  expect(stdout).toContain("# pass 1");
});
