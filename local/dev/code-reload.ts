/**
 * Owns: loading the user's code at the start and again after every save.
 * Must not: end the server for what a save broke: the old code keeps running, and the next save is a new chance.
 */
import { join, relative } from "node:path";
import type { AppManifest } from "../../sdk/protocol.js";
import type { AssembledPlatform } from "../lambda/assembled-platform.js";
import { tellFunctions } from "./announcement.js";
import { EntryBundler } from "./bundle.js";
import { workerSandboxes } from "./dev-platform.js";
import type { DevPlatformParts, DevWorld } from "./dev-platform.js";
import { tellError } from "./failure.js";
import { FileWatch } from "./watch.js";
import { WorkerCode } from "./worker-code.js";

export interface LoadedCode {
  manifest: AppManifest;
  /** Reloads after saves until closed. */
  close(): Promise<void>;
}

/** Loads the entry. Throws what is wrong with it, with nothing left open. */
export async function loadCode(
  world: DevWorld,
  parts: DevPlatformParts,
  platform: AssembledPlatform,
  entryFile: string,
): Promise<LoadedCode> {
  const { clock, random, directory, installation, terminal } = world;
  const bundler = new EntryBundler({
    entry: entryFile,
    buildDirectory: join(parts.dataDirectory, "build"),
    workingDirectory: directory,
    installation,
  });
  const code = new WorkerCode({
    bundler,
    platform,
    entry: relative(directory, entryFile),
    stepQueueUrl: stepQueueUrlOf(parts),
    sandboxesOf: (moduleFile) => workerSandboxes(world, parts, moduleFile),
    world: { clock, random },
  });
  try {
    const manifest = await code.load();
    if (manifest === undefined)
      throw new TypeError(`Cannot load entry "${entryFile}": the first build changed nothing`);
    const watch = reloadAfterSaves(code, bundler, world, (changed) => tellFunctions(terminal, changed));
    const close = async (): Promise<void> => {
      watch.close();
      await bundler.close();
    };
    return { manifest, close };
  } catch (error) {
    await bundler.close();
    throw error;
  }
}

/** The queue that is mapped to the worker. */
function stepQueueUrlOf({ description, addresses }: DevPlatformParts): string {
  const queue = description.mappings.find((mapping) => mapping.function === "worker")?.queue ?? "";
  const address = addresses.get(queue);
  if (address === undefined) throw new TypeError(`Cannot register queue "${queue}": it was not created`);
  return address.queueUrl;
}

function reloadAfterSaves(
  code: WorkerCode,
  bundler: EntryBundler,
  { clock, terminal }: DevWorld,
  onChanged: (manifest: AppManifest) => void,
): FileWatch {
  const reload = async (): Promise<void> => {
    try {
      const changed = await code.load();
      watch.follow(bundler.inputs, false);
      if (changed !== undefined) onChanged(changed);
    } catch (error) {
      watch.follow(bundler.inputs, true);
      tellError(terminal, error);
    }
  };
  // One after the other: a save during a build is a build after it.
  let reloading = Promise.resolve();
  const watch = new FileWatch(clock, () => {
    reloading = reloading.then(reload);
  });
  watch.follow(bundler.inputs, false);
  return watch;
}
