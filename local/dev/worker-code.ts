/**
 * Owns: the user's code as it changes: the bundle that runs, the build after a save, and the order in which new code takes
 * over: build, ask it for its functions, switch, register. Any failure leaves the old code in charge.
 * Must not: run two changes at once.
 */
import type { AppManifest } from "../../sdk/protocol.js";
import type { AssembledPlatform } from "../lambda/assembled-platform.js";
import { LambdaFunction } from "../lambda/lambda-function.js";
import type { LambdaFunctionOptions } from "../lambda/lambda-function.js";
import type { SandboxFactory } from "../lambda/sandbox.js";
import type { EntryBundler } from "./bundle.js";
import { readManifest, registerApp } from "./registration.js";

export interface WorkerCodeOptions {
  bundler: EntryBundler;
  platform: AssembledPlatform;
  /** How the entry is named in errors. */
  entry: string;
  /** Where the worker's wakes are. */
  stepQueueUrl: string;
  sandboxesOf(moduleFile: string): SandboxFactory;
  world: Pick<LambdaFunctionOptions, "clock" | "random">;
}

interface Running {
  hash: string;
  sandboxes: SandboxFactory;
}

export class WorkerCode {
  readonly #options: WorkerCodeOptions;
  #running: Running | undefined;

  constructor(options: WorkerCodeOptions) {
    this.#options = options;
  }

  /** Puts the code as it is now in charge. Undefined when it is what runs already. Throws what is wrong with it. */
  async load(): Promise<AppManifest | undefined> {
    const { bundler, platform, sandboxesOf, stepQueueUrl } = this.#options;
    const bundle = await bundler.build();
    if (bundle.hash === this.#running?.hash) return undefined;
    const sandboxes = sandboxesOf(bundle.file);
    const manifest = await this.#ask(sandboxes);
    const before = this.#running;
    // The switch comes first: a function that is registered must be known to the worker its first wake reaches.
    platform.function("worker").replaceCode(sandboxes);
    try {
      await registerApp(platform.function("register"), manifest, stepQueueUrl);
    } catch (error) {
      if (before !== undefined) platform.function("worker").replaceCode(before.sandboxes);
      throw error;
    }
    this.#running = { hash: bundle.hash, sandboxes };
    if (before !== undefined) void platform.function("worker").warm();
    return manifest;
  }

  /** Asks in a sandbox of its own, which is not counted against the worker's and is ended right after. */
  async #ask(sandboxes: SandboxFactory): Promise<AppManifest> {
    const { platform, entry, world } = this.#options;
    const settings = { ...platform.function("worker").settings, maxConcurrency: 1 };
    const asked = new LambdaFunction(settings, { ...world, sandboxes: (id) => sandboxes(`${id}-manifest`) });
    try {
      return await readManifest(asked, entry);
    } finally {
      await asked.stop(0);
    }
  }
}
