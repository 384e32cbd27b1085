/**
 * Every parser and endpoint fuzzed for longer than `npm test` does.
 * Usage: node test/fuzz/main.mjs [--times N] [--seed S]
 * A finding is printed with the seed that shows it again: PERDURE_SEED=S npx vitest run test/fuzz.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const VITEST = join(ROOT, "node_modules", "vitest", "vitest.mjs");
const TIMEOUT_MS = 600_000;

/** Runs every property `times` as often as `npm test` does, with a seed that is new each time unless one is given. */
export async function onParsers({ times, seed = crypto.getRandomValues(new Uint32Array(1))[0] }) {
  const directory = mkdtempSync(join(tmpdir(), "perdure-fuzz-"));
  const [report, rounds] = [join(directory, "report.json"), join(directory, "rounds")];
  writeFileSync(rounds, "");
  try {
    const args = ["run", "test/fuzz", "--reporter=json", `--outputFile=${report}`, `--testTimeout=${TIMEOUT_MS}`];
    const env = {
      ...process.env,
      PERDURE_FUZZ: String(times),
      PERDURE_FUZZ_ROUNDS: rounds,
      PERDURE_SEED: String(seed),
    };
    await exit(spawn(process.execPath, [VITEST, ...args], { cwd: ROOT, env, stdio: "ignore" }));
    const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
    const drawn = readFileSync(rounds, "utf8").split("\n").map(Number);
    const problems = testResults.flatMap(({ message, assertionResults }) => [
      ...(assertionResults.length === 0 ? [message] : []),
      ...assertionResults
        .filter(({ status }) => status !== "passed")
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join("\n")}`),
    ]);
    const shown = (number) => number.toLocaleString("en-US");
    return {
      rows: [
        ["Properties of parsers, stores and endpoints that hold", `${numPassedTests} of ${numTotalTests}`],
        ["Hostile inputs they were asked with", shown(drawn.reduce((sum, number) => sum + number, 0))],
      ],
      problems: problems.length === 0 && numTotalTests === 0 ? ["no property was tried"] : problems,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function exit(child) {
  return new Promise((done, failed) => child.on("error", failed).on("close", done));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { times: { type: "string", default: "20" }, seed: { type: "string" } } });
  const { rows, problems } = await onParsers({ times: Number(values.times), seed: values.seed });
  for (const [what, number] of rows) console.log(`${what}: ${number}`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
