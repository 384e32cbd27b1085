/**
 * Goal: the type tests of this folder are a part of `npm test`, and none of them is left out.
 * Method: tsc, told to list what it read, over test/types; the files are named here, so a pattern that no longer takes
 * them in fails too.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

/** What the compiler has to say. It exits with an error code when there are errors, which is an answer here. */
async function compile(): Promise<string> {
  const args = [compiler, "--project", folder, "--noEmit", "--listFiles", "--pretty", "false"];
  return promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? String(error),
  );
}

describe("types", () => {
  it("compile, and what must not compile does not", { timeout: 60_000 }, async () => {
    const lines = (await compile()).split("\n");
    expect(lines.filter((line) => /error TS\d+/.test(line))).toEqual([]);
    const read = lines.filter((line) => line.endsWith(".test-d.ts")).map((line) => line.trim().split(/[/\\]/).pop());
    expect(read.sort()).toEqual([
      "events.test-d.ts",
      "groups.test-d.ts",
      "invoke.test-d.ts",
      "jsonify.test-d.ts",
      "middleware.test-d.ts",
      "steps.test-d.ts",
      "triggers.test-d.ts",
      "waits.test-d.ts",
    ]);
  });
});
