/**
 * `npm run prove`: crash points enumerated, simulated worlds, rare things met; ends with the table that docs/proof.md explains.
 * Usage: npm run prove [-- --minutes M] [-- --from SEED] [-- --seed N]
 * Two processes, one for each core. --seed N shows one world line by line. Without --from, worlds begin at 1: every commit is
 * judged by the same ones, and then by as many more as the time allows.
 */
import { spawn } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleSources } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const MAIN = join(ROOT, "dist", "prove.mjs");
const SUMMARY = join(ROOT, "dist", "prove-summary.mjs");
const SHARES = 2;
/** What the whole command may take, bundling and the end of what is under way included, is ten. */
const DEFAULT_MINUTES = "9";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: DEFAULT_MINUTES },
    seed: { type: "string" },
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

await bundleSources("test/simulation/main.ts", MAIN);
if (values.seed !== undefined) {
  const child = spawn(process.execPath, [MAIN, "seed", values.seed], { stdio: "inherit" });
  child.on("close", (code) => (process.exitCode = code ?? 1));
} else {
  await bundleSources("test/simulation/summary.ts", SUMMARY);
  const { summarize } = await import(SUMMARY);
  const shares = Array.from({ length: SHARES }, (_, share) =>
    part("share", share, SHARES, values.minutes, values.from),
  );
  const { table, problems } = summarize((await Promise.all(shares)).map((printed) => JSON.parse(printed)));
  console.log(table);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
