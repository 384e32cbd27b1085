/** Bundles bench/main.ts and runs it. Usage: npm run bench [-- units|cost|in-process|wire] */
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { build as buildPackage } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const outfile = join(ROOT, "dist", "bench.mjs");

// The wire bench starts the command line that is shipped.
await buildPackage();
await build({
  absWorkingDir: ROOT,
  entryPoints: ["bench/main.ts"],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  alias: { perdure: "./sdk/index.ts", "perdure/lambda": "./runtime/lambda/serve.ts" },
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit", cwd: ROOT });
process.exitCode = status ?? 1;
