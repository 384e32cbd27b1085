/**
 * Owns: the user's entry as a Lambda asset: bundled on this machine with esbuild, one ES module and the chunks it loads only
 * when needed (Scheduler, S3), the AWS SDK inside, minified.
 * Must not: need Docker, a lock file, or anything the entry's own project does not have.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { buildSync, type BuildFailure } from "esbuild";
import { settingRefused, workerNotBundled } from "./errors.js";
import { installation } from "./installation.js";
import { existsSync } from "node:fs";

export interface BundlingOptions {
  /** Packages left out of the bundle: provided by a layer. */
  external?: string[];
  /** Source maps beside the code, and Node told to use them: errors show your lines, cold starts take a little longer. */
  sourceMap?: boolean;
  /** Default true. Function names are kept: they stand in stacks. */
  minify?: boolean;
  /** Text replaced at build time, as esbuild's `define`. */
  define?: Record<string, string>;
}

/** CommonJS modules inside an ES module bundle call `require`, which Node does not give them. */
const BANNER = `import { createRequire as perdureCreateRequire } from "node:module";
globalThis.require ??= perdureCreateRequire(import.meta.url);`;

export const WORKER_HANDLER = "index.handler";

/** The entry as code for Lambda. `entry` is relative to where the CDK app runs. */
export function workerCode(appId: string, entry: string, options: BundlingOptions = {}): Code {
  const directory = process.cwd();
  const file = isAbsolute(entry) ? entry : resolve(directory, entry);
  if (!existsSync(file))
    throw settingRefused({ what: "app", id: appId, is: `its entry "${entry}" does not exist`, expected: "a file" });
  return Code.fromAsset(directory, {
    // By what comes out: a comment changed is no deployment.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never run: `tryBundle` does it all or throws.
      image: DockerImage.fromRegistry("perdure-bundles-locally"),
      // Nor this; the CDK takes assets of equal settings for the same one, and a function is no setting it sees.
      command: [file, JSON.stringify(options)],
      local: {
        tryBundle: (outputDirectory) => {
          bundleWorker(file, outputDirectory, options);
          return true;
        },
      },
    },
  });
}

/** Bundles an entry into `outputDirectory`/index.mjs. Throws WORKER_NOT_BUNDLED. */
export function bundleWorker(file: string, outputDirectory: string, options: BundlingOptions): void {
  const built = installation();
  mkdirSync(outputDirectory, { recursive: true });
  try {
    buildSync({
      entryPoints: { index: file },
      outdir: outputDirectory,
      outExtension: { ".js": ".mjs" },
      chunkNames: "chunks/[name]-[hash]",
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      target: "node24",
      mainFields: ["module", "main"],
      minify: options.minify ?? true,
      keepNames: true,
      sourcemap: options.sourceMap === true,
      sourcesContent: false,
      legalComments: "none",
      banner: { js: BANNER },
      loader: { ".node": "copy" },
      external: options.external ?? [],
      define: options.define ?? {},
      // The worker runs the version of the platform it is deployed with, whatever else is installed.
      alias: { "perdure/lambda": join(built, "lambda.js"), perdure: join(built, "sdk.js") },
      logLevel: "silent",
    });
  } catch (error) {
    throw workerNotBundled({ entry: relative(process.cwd(), file), details: detailsOf(error) }, { cause: error });
  }
  writeFileSync(join(outputDirectory, "package.json"), `${JSON.stringify({ type: "module" })}\n`);
}

function detailsOf(error: unknown): string {
  if (!(error instanceof Error) || !("errors" in error)) return String(error);
  // esbuild's own failure: its documented shape.
  const { errors } = error as BuildFailure;
  return errors
    .map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text))
    .join("\n");
}

/** The platform's own functions, prebuilt: one asset for all. */
export function runtimeCode(): Code {
  return Code.fromAsset(join(installation(), "runtime"), { exclude: ["**/*.map"] });
}
