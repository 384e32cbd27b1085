/**
 * Goal: the first code a stranger reads compiles and runs as it stands.
 * Method: the README's first TypeScript block is taken out of the page, type-checked strictly against the package's own
 * sources beside a fake of the services it imports, bundled, and run on the whole platform in process, on a virtual clock.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleSources } from "../../scripts/build.mjs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PerdureFunction } from "../../sdk/function.js";
import { scenarios } from "../scenario/started.js";
import { MINUTE, SECOND } from "../scenario/world.js";
import { read, ROOT } from "./markdown.js";

const start = scenarios();
const directory = join(ROOT, "node_modules", ".cache", `perdure-readme-${process.pid}`);

const SERVICES = `
export const llm = { summarize: async (url: string): Promise<string> => "About " + url };
export const documents = { save: async (id: string, summary: string) => ({ id, summary }) };
`;

const TSCONFIG = {
  extends: "../../../tsconfig.json",
  include: ["."],
};

beforeAll(() => {
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "worker.ts"), code);
  writeFileSync(join(directory, "services.ts"), SERVICES);
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(TSCONFIG));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it("is about a dozen lines", () => {
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  const lines = code.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("import "));
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(13);
});

it("compiles", () => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", directory], { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});

it("runs: the summary survives a sleep of ten minutes and is saved", async () => {
  const outfile = join(directory, "worker.mjs");
  await bundleSources(join(directory, "worker.ts"), outfile);
  // What the README's block exports; the test above has compiled it.
  const { perdure, processDocument } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
    perdure: { id: string };
    processDocument: PerdureFunction<never>;
  };
  const scenario = await start({ client: perdure, functions: [processDocument] });
  const data = { id: "d_1", url: "https://example.com/report.pdf" };
  const [eventId = ""] = await scenario.send({ name: "api/document.uploaded", data });
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.advance(10 * MINUTE + SECOND);
  const run = await scenario.runOf(eventId);
  expect(run.output).toEqual({ id: "d_1", summary: "About https://example.com/report.pdf" });
});
