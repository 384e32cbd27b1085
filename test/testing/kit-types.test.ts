/**
 * Goal: the type tests of the kit are a part of `npm test`.
 * Method: tsc, told to list what it read, over this folder's type tests.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

it("the kit's types hold, and what must not compile does not", () => {
  const args = [compiler, "--project", folder, "--noEmit", "--listFiles", "--pretty", "false"];
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const lines = stdout.split("\n");
  expect(lines.filter((line) => /error TS\d+/.test(line))).toEqual([]);
  expect(lines.some((line) => line.trim().endsWith("test/testing/kit.test-d.ts"))).toBe(true);
});
