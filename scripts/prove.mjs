/**
 * `npm run prove`: real processes struck, parsers and endpoints fuzzed, bugs planted, crash points enumerated, simulated worlds,
 * rare things met; ends with the table that docs/proof.md explains.
 * Usage: npm run prove [-- --minutes M] [-- --from SEED] [-- --seed N] [-- --pairs]
 * Two processes, one for each core. --pairs tries every pair of faults of the core flows, which takes six minutes and more, instead of
 * a sample of them. --seed N shows one world line by line. Without --from, worlds begin at 1: every commit is
 * judged by the same ones, and then by as many more as the time allows. With less than five minutes no process is struck,
 * which alone takes two, nothing fuzzed and no bug planted (test/processes/main.mjs, test/fuzz/main.mjs and test/mutants/run.mjs
 * run by themselves; the last one plants all of them).
 */
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { onParsers } from "../test/fuzz/main.mjs";
import { onMutants } from "../test/mutants/run.mjs";
import { onProcesses } from "../test/processes/main.mjs";
import { bundleSources } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const MAIN = join(ROOT, "dist", "prove.mjs");
const SUMMARY = join(ROOT, "dist", "prove-summary.mjs");
const SHARES = 2;
/** What the whole command may take, bundling and the end of what is under way included, is ten. */
const DEFAULT_MINUTES = "9";
/** How long processes are struck; about as long again until everything has ended. */
const PROCESS_SECONDS = 45;
const PROCESSES_FROM_MINUTES = 5;
/** Rounds of each property, as a multiple of those in `npm test`: a minute on two cores. */
const FUZZ_TIMES = 3;

/** For crash points and worlds, however long the rest took on a slow machine. */
const LEAST_MINUTES = 2;

/** Of the mutants, drawn by the seed: all of them take some minutes, and are a job of their own (.ci/mutants). */
const MUTANT_SAMPLE = 16;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: DEFAULT_MINUTES },
    seed: { type: "string" },
    pairs: { type: "boolean", default: false },
    from: { type: "string", default: "1" },
  },
});

/** Runs a part of the proof in a process of its own; answers what it printed. */
function part(...args) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [MAIN, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
    child.on("error", failed);
    child.on("close", (code) =>
      code === 0 ? done(printed) : failed(new Error(`The proof ended with ${code} and not with a result`)),
    );
  });
}

/** Before everything else, not beside it: processes that are starved by two busy ones are slow, and nothing more is learnt. */
async function strikeProcesses(minutes, seed) {
  if (minutes < PROCESSES_FROM_MINUTES) return { rows: [], problems: [], minutes: 0 };
  const startedAt = performance.now();
  const found = await onProcesses({ seconds: PROCESS_SECONDS, seed, tell: () => undefined });
  return { ...found, minutes: (performance.now() - startedAt) / 60_000 };
}

/** Every parser and endpoint, with a seed that is new each time. */
async function fuzz(minutes) {
  if (minutes < PROCESSES_FROM_MINUTES) return { rows: [], problems: [], minutes: 0 };
  const startedAt = performance.now();
  const found = await onParsers({ times: FUZZ_TIMES });
  return { ...found, minutes: (performance.now() - startedAt) / 60_000 };
}

/** Rules broken on purpose, each of which must fail a test that is named for it. */
async function plantBugs(minutes, seed) {
  if (minutes < PROCESSES_FROM_MINUTES) return { rows: [], problems: [], minutes: 0 };
  const startedAt = performance.now();
  const found = await onMutants({ sample: MUTANT_SAMPLE, seed, tell: () => undefined });
  return { ...found, minutes: (performance.now() - startedAt) / 60_000 };
}

/** Every pair of faults of the core flows: how many there were, and what was found. */
async function tryPairs() {
  const shares = Array.from({ length: SHARES }, (_, share) => part("pairs", share, SHARES));
  const rows = new Map();
  const findings = [];
  for (const line of (await Promise.all(shares)).join("").trim().split("\n")) {
    const { program, sweeper, pairs, findings: found } = JSON.parse(line);
    const name = `${program}, ${sweeper ? "with" : "without"} the sweeper`;
    rows.set(name, (rows.get(name) ?? 0) + pairs);
    findings.push(...found);
  }
  console.log(
    ["| Flow | Pairs of faults |", "|---|---|", ...[...rows].map((row) => `| ${row.join(" | ")} |`)].join("\n"),
  );
  for (const finding of findings) console.error(finding);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

await bundleSources("test/simulation/main.ts", MAIN);
if (values.pairs) {
  await tryPairs();
} else if (values.seed !== undefined) {
  const child = spawn(process.execPath, [MAIN, "seed", values.seed], { stdio: "inherit" });
  child.on("close", (code) => (process.exitCode = code ?? 1));
} else {
  await bundleSources("test/simulation/summary.ts", SUMMARY);
  const { summarize } = await import(SUMMARY);
  const processes = await strikeProcesses(Number(values.minutes), Number(values.from));
  const parsers = await fuzz(Number(values.minutes));
  const mutants = await plantBugs(Number(values.minutes), Number(values.from));
  const spent = processes.minutes + parsers.minutes + mutants.minutes;
  const minutes = Math.max(Number(values.minutes) - spent, Math.min(Number(values.minutes), LEAST_MINUTES));
  const shares = Array.from({ length: SHARES }, (_, share) => part("share", share, SHARES, minutes, values.from));
  const { table, problems } = summarize((await Promise.all(shares)).map((printed) => JSON.parse(printed)));
  problems.push(...processes.problems.map((problem) => `real processes: ${problem}`));
  problems.push(...parsers.problems.map((problem) => `hostile input: ${problem}`));
  problems.push(...mutants.problems.map((problem) => `planted bugs: ${problem}`));
  const rows = [...parsers.rows, ...processes.rows, ...mutants.rows];
  console.log([table, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n"));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
