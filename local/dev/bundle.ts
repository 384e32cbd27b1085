/**
 * Owns: the user's entry as one file a sandbox can load: bundled with esbuild, with source maps, kept under the data
 * directory by the hash of what it contains; and which files it was made of.
 * Must not: run what it built.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { context, formatMessages } from "esbuild";
import type { BuildContext, BuildResult, Message } from "esbuild";
import { entryMissing, entryNotBuilt, entryNotFound } from "./errors.js";

export interface Bundle {
  /** The module a sandbox loads. */
  file: string;
  hash: string;
}

/** In a project of the user's own; in this repository the last one is meant. */
const DEFAULT_ENTRIES = ["src/worker.ts", "src/worker.js", "worker.ts", "worker.js", "examples/worker.ts"];

/** Absolute path of the entry. Throws ENTRY_MISSING or ENTRY_NOT_FOUND. */
export function findEntry(entry: string | undefined, directory: string): string {
  if (entry !== undefined) {
    const file = resolve(directory, entry);
    if (existsSync(file) && statSync(file).isFile()) return file;
    throw entryMissing({ entry });
  }
  const found = DEFAULT_ENTRIES.map((name) => resolve(directory, name)).find((file) => existsSync(file));
  if (found === undefined) throw entryNotFound({ tried: DEFAULT_ENTRIES });
  return found;
}

/** Builds before this one that are kept: sandboxes may still read their source maps. */
const KEPT_BUILDS = 5;

/**
 * CommonJS modules inside an ES module bundle call `require`, which Node does not give them. A global, not a declaration,
 * so that it cannot collide with the user's own.
 */
const BANNER = `import { createRequire as perdureCreateRequire } from "node:module";
globalThis.require ??= perdureCreateRequire(import.meta.url);`;

export interface BundlerOptions {
  /** Absolute. */
  entry: string;
  buildDirectory: string;
  workingDirectory: string;
  /** Where this package is built. An entry inside the package itself gets what was built, as a user's project does. */
  installation: string;
}

export class EntryBundler {
  readonly #options: BundlerOptions;
  #context: BuildContext | undefined;
  #inputs: ReadonlySet<string>;

  constructor(options: BundlerOptions) {
    this.#options = options;
    this.#inputs = new Set([options.entry]);
  }

  /** The files the last build was made of, as absolute paths, without installed packages. */
  get inputs(): ReadonlySet<string> {
    return this.#inputs;
  }

  /** Builds, incrementally after the first time. Throws ENTRY_NOT_BUILT; the inputs then include the files at fault. */
  async build(): Promise<Bundle> {
    this.#context ??= await context({
      entryPoints: { worker: this.#options.entry },
      absWorkingDir: this.#options.workingDirectory,
      // As deep as the directories named by hash: the source map's relative paths stay right.
      outdir: join(this.#options.buildDirectory, "build"),
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      mainFields: ["module", "main"],
      sourcemap: true,
      banner: { js: BANNER },
      alias: this.#aliases(),
      loader: { ".node": "copy" },
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const result = await this.#context.rebuild().catch(async (error: unknown) => {
      throw await this.#failure(error);
    });
    this.#inputs = this.#ownFiles(Object.keys(result.metafile?.inputs ?? {}));
    return this.#write(result);
  }

  async close(): Promise<void> {
    await this.#context?.dispose();
  }

  #aliases(): Record<string, string> {
    const { entry, installation } = this.#options;
    const isOwnExample = entry.startsWith(dirname(installation) + sep);
    if (!isOwnExample) return {};
    return { "perdure/lambda": join(installation, "lambda.js"), perdure: join(installation, "sdk.js") };
  }

  async #failure(error: unknown): Promise<unknown> {
    const messages = errorsOf(error);
    if (messages.length === 0) return error;
    const atFault = messages.flatMap((message) => message.location?.file ?? []);
    this.#inputs = new Set([...this.#inputs, ...this.#ownFiles(atFault)]);
    const formatted = await formatMessages(messages, { kind: "error", color: false });
    return entryNotBuilt({
      entry: relative(this.#options.workingDirectory, this.#options.entry),
      details: formatted.join("").trimEnd(),
    });
  }

  /** Installed packages, this one among them, do not change while one works. */
  #ownFiles(paths: readonly string[]): ReadonlySet<string> {
    const { entry, workingDirectory, installation } = this.#options;
    const files = paths.map((path) => resolve(workingDirectory, path));
    const isOwn = (file: string): boolean =>
      !relative(workingDirectory, file).split(sep).includes("node_modules") && !file.startsWith(installation + sep);
    return new Set([entry, ...files.filter(isOwn)]);
  }

  #write(result: BuildResult): Bundle {
    const outputs = result.outputFiles ?? [];
    const digest = createHash("sha256");
    for (const output of outputs) digest.update(output.contents);
    const hash = digest.digest("hex").slice(0, 12);
    const directory = join(this.#options.buildDirectory, hash);
    mkdirSync(directory, { recursive: true });
    for (const output of outputs) writeFileSync(join(directory, basename(output.path)), output.contents);
    this.#forgetOldBuilds(directory);
    return { file: join(directory, "worker.mjs"), hash };
  }

  #forgetOldBuilds(current: string): void {
    const builds = readdirSync(this.#options.buildDirectory)
      .map((name) => join(this.#options.buildDirectory, name))
      .filter((directory) => directory !== current)
      .map((directory) => ({ directory, changedAtMs: statSync(directory).mtimeMs }))
      .sort((a, b) => b.changedAtMs - a.changedAtMs);
    for (const { directory } of builds.slice(KEPT_BUILDS)) rmSync(directory, { recursive: true, force: true });
  }
}

function errorsOf(error: unknown): Message[] {
  const errors: unknown = typeof error === "object" && error !== null && "errors" in error ? error.errors : undefined;
  // esbuild's BuildFailure: its own documented shape, which it exports as a type only.
  return Array.isArray(errors) ? (errors as Message[]) : [];
}
