/**
 * The dev server's processes under load, killed, stopped and restarted at random, with what they did compared at the end.
 * Usage: node test/processes/main.mjs [--seconds N] [--seed S] [--keep]
 * The seed decides what is sent and who is struck, in which order; when a process does what is the machine's to say, so a seed
 * repeats a campaign in kind, not in detail. With --keep, or when something is wrong, its directory stays and is named.
 */
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build, bundleSources } from "../../scripts/build.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "../..");
const DEFAULT_SECONDS = 60;

/** Runs one campaign; answers rows for a table and what is wrong. `tell` is called with each thing that happens. */
export async function onProcesses({ seconds, seed, keep = false, tell }) {
  const cache = join(ROOT, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  // As processes show it: node resolves links before it names the file it runs.
  const directory = realpathSync(mkdtempSync(join(cache, "perdure-processes-")));
  let end = () => undefined;
  const onExit = () => {
    end();
    if (!keep) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const onSignal = () => process.exit(1);
  process.on("exit", onExit).on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    const place = await makePlace(directory);
    const file = join(directory, "campaign.mjs");
    await bundleSources("test/processes/campaign.ts", file);
    const { campaign } = await import(pathToFileURL(file).href);
    const result = await campaign({ place, seconds, seed, tell, onStart: (ender) => (end = ender) });
    const isKept = keep || result.problems.length > 0;
    if (isKept) tell(`everything is kept in ${directory}`);
    else rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    return result;
  } finally {
    end();
    process.off("exit", onExit).off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

/** The package as npm would install it, and a project of its own with the app. */
async function makePlace(directory) {
  const packageDirectory = join(directory, "package");
  const projectDirectory = join(directory, "project");
  await build({ outdir: join(packageDirectory, "dist") });
  copyFileSync(join(ROOT, "package.json"), join(packageDirectory, "package.json"));
  mkdirSync(join(projectDirectory, "node_modules"), { recursive: true });
  mkdirSync(join(projectDirectory, "src"));
  symlinkSync(packageDirectory, join(projectDirectory, "node_modules", "perdure"), "dir");
  writeFileSync(join(projectDirectory, "package.json"), JSON.stringify({ name: "project", type: "module" }));
  copyFileSync(join(HERE, "app.ts"), join(projectDirectory, "src", "worker.ts"));
  return { packageDirectory, projectDirectory };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: { seconds: { type: "string" }, seed: { type: "string" }, keep: { type: "boolean" } },
  });
  const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const startedAt = performance.now();
  const tell = (line) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  console.log(`seed ${seed}, ${seconds} s`);
  const { rows, problems } = await onProcesses({ seconds, seed, keep: values.keep === true, tell });
  for (const [what, number] of rows) console.log(`${what}: ${number}`);
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? "nothing is violated" : `${problems.length} violations, with seed ${seed}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
