/** Bundles bench/main.ts and runs it. Usage: npm run bench [-- units|cost|in-process|wire] */
import { spawnSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, bundleSources } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const outfile = join(ROOT, "dist", "bench.mjs");

// The wire bench starts the command line that is shipped.
await build();
await bundleSources("bench/main.ts", outfile);
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit", cwd: ROOT });
process.exitCode = status ?? 1;
