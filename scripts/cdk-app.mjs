/**
 * What `cdk` runs: builds the package, so that what is deployed is what is here, then bundles and runs infra/app.ts.
 * Usage: node scripts/cdk-app.mjs
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { build } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const APP = join(ROOT, "node_modules", ".cache", "perdure-cdk", "app.mjs");
const CONSTRUCTS = join(ROOT, "dist", "cdk.js");

await build();
await bundle({
  absWorkingDir: ROOT,
  entryPoints: ["infra/app.ts"],
  outfile: APP,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  // As a user's app does: the constructs as they are built.
  alias: { "perdure/cdk": CONSTRUCTS },
  external: [CONSTRUCTS],
  sourcemap: "inline",
  logLevel: "warning",
});
await import(pathToFileURL(APP).href);
