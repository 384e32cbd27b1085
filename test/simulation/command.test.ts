/**
 * Goal: `npm run prove -- --seed N` shows a world to its last line, also into a pipe, however long it is.
 * Method: what the command runs, bundled as it is for it, in a process of its own.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { bundleSources } from "../../scripts/build.mjs";

const ROOT = join(import.meta.dirname, "..", "..");
/** What a pipe holds: more than that is written after the last line was said. */
const PIPE_BYTES = 64 * 1024;

it("a world is shown whole: its programs, what happened, and what it comes to", async () => {
  // Below the project, whose packages it needs.
  const directory = await mkdtemp(join(ROOT, "node_modules", ".prove-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const outfile = join(directory, "prove.mjs");
  await bundleSources("test/simulation/main.ts", outfile);
  const { stdout } = await promisify(execFile)(process.execPath, [outfile, "seed", "30881"], { maxBuffer: 2 ** 26 });
  expect(stdout.length).toBeGreaterThan(2 * PIPE_BYTES);
  expect(stdout).toMatch(/^f0 /);
  expect(stdout.trimEnd().split("\n").at(-1)).toBe("nothing is violated");
});
