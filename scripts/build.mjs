/**
 * Owns: what the package ships, under dist/: the SDK, the Lambda entry, the command line, the sandbox it starts, and the
 * platform's own Lambda functions with everything they need inside. With --types also declarations, under dist/types/.
 * Usage: node scripts/build.mjs [--types]
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** What a user's project loads. Dependencies stay outside: npm installs them beside the package. */
const PACKAGE_ENTRIES = {
  sdk: "sdk/index.ts",
  lambda: "runtime/lambda/serve.ts",
  cdk: "infra/index.ts",
  testing: "local/testing/index.ts",
  cli: "local/cli.ts",
  sandbox: "local/lambda/child-main.ts",
};

/** The platform's functions, by the name local/platform.ts gives them. */
const RUNTIME_ENTRIES = ["ingest", "dispatch", "api", "sweep", "dead-letter", "register"];

const SHARED = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // Modules used by several entries become one file: one copy of each in memory, one identity for each class.
  splitting: true,
  write: false,
  chunkNames: "chunks/[name]-[hash]",
  sourcemap: true,
  logLevel: "warning",
};

/** CommonJS modules inside an ES module bundle call `require`, which Node does not give them. */
const REQUIRE = `import { createRequire as perdureCreateRequire } from "node:module";
globalThis.require ??= perdureCreateRequire(import.meta.url);`;

/**
 * Builds into `outdir`, replacing what was there in one move: a dev server that runs from it, or a second build, never
 * finds half a package.
 */
export async function build({ outdir = join(ROOT, "dist") } = {}) {
  const results = await Promise.all([buildPackage(outdir), buildRuntime(join(outdir, "runtime"))]);
  // The runtime is deployed as it is: without this, Lambda would take its modules for CommonJS.
  const manifest = {
    path: join(outdir, "runtime", "package.json"),
    contents: `${JSON.stringify({ type: "module" })}\n`,
  };
  const next = `${outdir}.next-${process.pid}`;
  for (const { path, contents } of [...results.flatMap((result) => result.outputFiles), manifest]) {
    const file = join(next, relative(outdir, path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
  chmodSync(join(next, "cli.js"), 0o755);
  replaceDirectory(outdir, next);
}

function replaceDirectory(directory, next) {
  const old = `${directory}.old-${process.pid}`;
  // Another build may put its own result in between; the last one wins.
  for (let attempt = 1; ; attempt += 1) {
    if (existsSync(directory)) renameSync(directory, old);
    try {
      renameSync(next, directory);
      break;
    } catch (error) {
      if (attempt === 10) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

async function buildPackage(outdir) {
  return bundle({
    ...SHARED,
    entryPoints: PACKAGE_ENTRIES,
    outdir,
    packages: "external",
    define: { PERDURE_HEARTBEAT_WORKER: JSON.stringify(await heartbeatWorker()) },
    // Folds `typeof PERDURE_HEARTBEAT_WORKER`, so that the text is in the package once.
    minifySyntax: true,
  });
}

/** The body of the heartbeat's thread as text: complete in itself, since it is evaluated where no module can be found. */
async function heartbeatWorker() {
  const { outputFiles } = await bundle({
    ...SHARED,
    entryPoints: ["runtime/lambda/heartbeat-worker.ts"],
    format: "cjs",
    splitting: false,
    sourcemap: false,
    mainFields: ["module", "main"],
    // A heart beats on the table and the queue; what wiring.ts loads only when needed it never needs.
    external: ["@aws-sdk/client-s3", "@aws-sdk/client-scheduler"],
    minify: true,
  });
  return outputFiles[0].text;
}

/** Loaded at every cold start: size is what counts; names in stacks stay. */
function buildRuntime(outdir) {
  return bundle({
    ...SHARED,
    entryPoints: Object.fromEntries(RUNTIME_ENTRIES.map((name) => [name, `runtime/lambda/${name}.ts`])),
    outdir,
    mainFields: ["module", "main"],
    banner: { js: REQUIRE },
    minifyWhitespace: true,
    minifySyntax: true,
    sourcesContent: false,
  });
}

/** Bundles a module of this repository's sources, or one written against them, into one file that runs beside node_modules. */
export async function bundleSources(entry, outfile) {
  await bundle({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    alias: { perdure: "./sdk/index.ts", "perdure/lambda": "./runtime/lambda/serve.ts" },
    logLevel: "warning",
  });
}

/** Declarations for what package.json's "exports" name. */
export function buildTypes() {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "scripts", "tsconfig.types.json")], { stdio: "inherit" });
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const promised = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? target : Object.values(target),
  );
  const missing = promised.filter((file) => !existsSync(join(ROOT, file)));
  if (missing.length > 0)
    throw new Error(`Cannot publish: package.json names ${missing.join(", ")}, which the build did not make`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await build();
  if (process.argv.includes("--types")) buildTypes();
}
