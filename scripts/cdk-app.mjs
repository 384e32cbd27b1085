/**
 * What `cdk` runs: builds the package, so that what is deployed is what is here, then bundles and runs infra/app.ts. In a
 * directory of its own: dist/ may be in use by a dev server, or being packed.
 * Usage: node scripts/cdk-app.mjs
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { build } from "./build.mjs";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const DIRECTORY = join(ROOT, "node_modules", ".cache", "perdure-cdk");
const APP = join(DIRECTORY, "app.mjs");
const PACKAGE = join(DIRECTORY, "dist");
const CONSTRUCTS = join(PACKAGE, "cdk.js");

await build({ outdir: PACKAGE });
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
