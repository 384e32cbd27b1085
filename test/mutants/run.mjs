/**
 * Rules of the platform broken on purpose, one at a time, each in a private copy of the sources: a test that is named for it
 * has to fail. A survivor is a hole in the tests.
 * Usage: node test/mutants/run.mjs [--check] [--only <part of a name, a file or a rule>] [--sample N [--seed S]]
 * --check only looks whether the catalogue fits the sources. With --sample, so many, drawn by the seed.
 */
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundleSources } from "../../scripts/build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const MAIN = join(ROOT, "node_modules", ".cache", "perdure-mutants.mjs");

async function load() {
  mkdirSync(dirname(MAIN), { recursive: true });
  await bundleSources("test/mutants/main.ts", MAIN);
  return import(pathToFileURL(MAIN).href);
}

/** Tries mutants, all when `sample` is null; answers rows for a table and what is wrong. `tell` is called with each one tried. */
export async function onMutants({ sample, seed = 1, only = "", tell }) {
  const { tryMutants } = await load();
  return tryMutants({ root: ROOT, only, sample, seed, tell });
}

async function check() {
  const { checkMutants } = await load();
  return { rows: [], table: "", problems: checkMutants(ROOT) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      sample: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  // So that an interrupted run leaves no copies behind.
  const onSignal = () => process.exit(1);
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const sample = values.sample === undefined ? null : Number(values.sample);
  const asked = { sample, seed: Number(values.seed), only: values.only, tell: (line) => console.error(line) };
  const { rows, table, problems } = await (values.check ? check() : onMutants(asked));
  if (table !== "") console.log(`\n${table}\n`);
  for (const [what, number] of rows) console.log(`${what}: ${number}`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
