/**
 * Owns: the platform in child processes: where each function's code is, what its sandboxes are started with, and who is told
 * what happens in them.
 * Must not: know how AWS is hosted, or when the user's code changes.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Random } from "../../sdk/clock.js";
import { AssembledPlatform } from "../lambda/assembled-platform.js";
import { childSandboxes } from "../lambda/child-sandbox.js";
import { InvocationError } from "../lambda/invocation.js";
import type { InvocationReport } from "../lambda/lambda-function.js";
import type { SandboxFactory } from "../lambda/sandbox.js";
import type { Platform, PlatformFunction } from "../platform.js";
import { tellOutput, tellProblem } from "./announcement.js";
import type { AwsHost } from "./aws-host.js";
import { sandboxEnvironment } from "./endpoints.js";
import { buildMissing } from "./errors.js";
import type { QueueAddresses } from "./resources.js";
import type { Terminal } from "./terminal.js";

export interface DevWorld {
  clock: Clock;
  random: Random;
  terminal: Terminal;
  environment: NodeJS.ProcessEnv;
  /** Where the command was run. */
  directory: string;
  /** Where the package is built: holds sandbox.js and runtime/. */
  installation: string;
  version: string;
}

export interface DevPlatformParts {
  description: Platform;
  addresses: QueueAddresses;
  host: AwsHost;
  onReport(report: InvocationReport): void;
  /** Absolute. */
  dataDirectory: string;
}

/**
 * Longer than a handful of short runs take even in cold code. Measured on two cores: ten processes that share 300 runs of five
 * steps never get hot and need three times the CPU of two that do.
 */
const START_AFTER_MS = 500;
/** A sandbox unused for this long is ended, except the last of its function: a laptop's memory is not Lambda's. */
const IDLE_MS = 60_000;

export function assembleDevPlatform(world: DevWorld, parts: DevPlatformParts): AssembledPlatform {
  const { clock, random, terminal } = world;
  return new AssembledPlatform(parts.description, {
    clock,
    random,
    idleMs: IDLE_MS,
    startAfterMs: START_AFTER_MS,
    sandboxes: (definition) =>
      definition.entry === "user"
        ? noCodeYet
        : sandboxesFor(
            world,
            parts,
            definition,
            builtFile(world.installation, join("runtime", `${definition.entry}.js`)),
          ),
    source: (queue, mapping) => {
      const address = parts.addresses.get(queue.name);
      if (address === undefined) throw new TypeError(`Cannot map queue "${queue.name}": it was not created`);
      return parts.host.source(address, mapping.function);
    },
    onReport: (report) => parts.onReport(report),
    onProblem: (problem) => tellProblem(terminal, clock.now(), problem),
  });
}

/** Sandboxes of the user's function, with the code in `moduleFile`. */
export function workerSandboxes(world: DevWorld, parts: DevPlatformParts, moduleFile: string): SandboxFactory {
  const definition = parts.description.functions.find(({ name }) => name === "worker");
  if (definition === undefined) throw new TypeError(`Cannot start function "worker": the platform does not have it`);
  return sandboxesFor(world, parts, definition, moduleFile);
}

const noCodeYet: SandboxFactory = () =>
  Promise.reject(new InvocationError("init", "Runtime.NoCode", "the entry has not been loaded yet"));

function builtFile(installation: string, name: string): string {
  const file = join(installation, name);
  if (!existsSync(file)) throw buildMissing({ file });
  return file;
}

function sandboxesFor(
  { clock, terminal, environment, installation }: DevWorld,
  { host, dataDirectory }: DevPlatformParts,
  definition: PlatformFunction,
  moduleFile: string,
): SandboxFactory {
  return childSandboxes({
    clock,
    bootstrapFile: builtFile(installation, "sandbox.js"),
    moduleFile,
    environment: (sandboxId) =>
      sandboxEnvironment({ definition, sandboxId, endpoints: host.endpoints, dataDirectory, inherited: environment }),
    onLine: (_sandboxId, line, stream) => tellOutput(terminal, definition.name, line, stream),
  });
}
