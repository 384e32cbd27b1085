/**
 * The README's test command: builds, checks types and format, runs every test, and ends with a line that counts them.
 * Usage: node scripts/test.mjs [vitest filters]
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const REPORT = join(ROOT, "node_modules", ".cache", "test-report.json");
const filters = process.argv.slice(2);

const bin = (...path) => join(ROOT, "node_modules", ...path);

/** Runs a command, lets it print, and says whether it succeeded. */
function run(name, ...args) {
  const startedAt = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
  const seconds = Number((process.hrtime.bigint() - startedAt) / 1_000_000n) / 1_000;
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${name}  ${seconds.toFixed(1)} s`);
  return status === 0;
}

const checks = [
  run("build", join(ROOT, "scripts", "build.mjs")),
  run("types", bin("typescript", "bin", "tsc"), "--noEmit"),
  run("format", bin("prettier", "bin", "prettier.cjs"), "--check", "--log-level", "warn", "."),
];

rmSync(REPORT, { force: true });
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${REPORT}`];
const tested = run("tests", bin("vitest", "vitest.mjs"), "run", ...reporters, ...filters);

let passed = checks.filter(Boolean).length;
let failed = checks.length - passed;
let skipped = 0;
try {
  const report = JSON.parse(readFileSync(REPORT, "utf8"));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  // A file that could not even be loaded has no tests to count.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  failed += broken.length;
} catch {
  console.error("The test runner left no report");
  failed += 1;
}
if (!tested && failed === 0) failed += 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed === 0 ? 0 : 1;
