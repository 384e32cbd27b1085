/**
 * Owns: a platform put together from its description: every function, mapping and route of local/platform.ts, over whatever
 * sandboxes and queues the caller has. The in-process world and the dev server differ in those two alone.
 * Must not: create tables or queues, or know how code is loaded.
 */
import type { Clock, Random } from "../../sdk/clock.js";
import type { Platform, PlatformFunction, PlatformFunctionName, PlatformMapping, PlatformQueue } from "../platform.js";
import { invokeAsynchronously } from "./asynchronous-invoke.js";
import { EventSourceMapping } from "./event-source-mapping.js";
import type { MappingProblem } from "./event-source-mapping.js";
import { HttpApi } from "./http-api.js";
import { functionArn } from "./invocation.js";
import type { InvocationError } from "./invocation.js";
import { LambdaFunction } from "./lambda-function.js";
import type { InvocationReport } from "./lambda-function.js";
import type { MessageSource } from "./message-source.js";
import type { SandboxFactory } from "./sandbox.js";

export interface AssemblyOptions {
  clock: Clock;
  random: Random;
  sandboxes(definition: PlatformFunction): SandboxFactory;
  source(queue: PlatformQueue, mapping: PlatformMapping): MessageSource;
  /** Absent: sandboxes are kept for ever. */
  idleMs?: number;
  /** Absent: a sandbox for each invocation at once, as Lambda. */
  startAfterMs?: number;
  onReport?(report: InvocationReport): void;
  onProblem?(problem: PlatformProblem): void;
}

export type PlatformProblem =
  | { kind: "mapping"; queue: string; function: PlatformFunctionName; problem: MappingProblem }
  | { kind: "route"; route: string; error: InvocationError }
  | { kind: "schedule"; function: PlatformFunctionName; error: InvocationError };

export class AssembledPlatform {
  readonly api: HttpApi;
  readonly #options: AssemblyOptions;
  readonly #functions: ReadonlyMap<PlatformFunctionName, LambdaFunction>;
  readonly #mappings: readonly EventSourceMapping[];

  constructor(platform: Platform, options: AssemblyOptions) {
    this.#options = options;
    this.#functions = new Map(
      platform.functions.map((definition) => [definition.name, makeFunction(definition, options)]),
    );
    this.#mappings = platform.mappings.map((mapping) => this.#makeMapping(platform, mapping));
    this.api = new HttpApi(
      platform.routes.map((route) => ({ route: route.route, target: this.function(route.function) })),
      {
        clock: options.clock,
        random: options.random,
        waitWhenBusy: true,
        onProblem: (route, error) => options.onProblem?.({ kind: "route", route, error }),
      },
    );
  }

  function(name: PlatformFunctionName): LambdaFunction {
    const found = this.#functions.get(name);
    if (found === undefined) throw new TypeError(`Cannot use function "${name}": the platform does not have it`);
    return found;
  }

  /** Begins to take messages. */
  start(): void {
    for (const mapping of this.#mappings) mapping.start();
  }

  /** Takes no further message, gives what runs up to `graceMs`, then ends every sandbox. Messages not handled come back. */
  async stop(graceMs: number): Promise<void> {
    const drained = Promise.all(this.#mappings.map((mapping) => mapping.stop()));
    await Promise.all([...this.#functions.values()].map((target) => target.stop(graceMs)));
    await drained;
  }

  /** A schedule fired at a function: EventBridge Scheduler invokes asynchronously. False when the ARN is none of ours. */
  readonly onSchedule = (targetArn: string, input: string): boolean => {
    const found = [...this.#functions].find(([name]) => functionArn(name) === targetArn);
    if (found === undefined) return false;
    const [name, target] = found;
    void invokeAsynchronously(target, JSON.parse(input), this.#options.clock, (error) =>
      this.#options.onProblem?.({ kind: "schedule", function: name, error }),
    );
    return true;
  };

  #makeMapping(platform: Platform, mapping: PlatformMapping): EventSourceMapping {
    const queue = platform.queues.find(({ name }) => name === mapping.queue);
    if (queue === undefined) throw new TypeError(`Cannot map queue "${mapping.queue}": the platform does not have it`);
    const { batchSize, maximumConcurrency } = mapping;
    return new EventSourceMapping(
      { batchSize, maximumConcurrency, visibilityTimeoutMs: queue.visibilityTimeoutSeconds * 1000 },
      {
        source: this.#options.source(queue, mapping),
        target: this.function(mapping.function),
        clock: this.#options.clock,
        onProblem: (problem) =>
          this.#options.onProblem?.({ kind: "mapping", queue: mapping.queue, function: mapping.function, problem }),
      },
    );
  }
}

function makeFunction(definition: PlatformFunction, options: AssemblyOptions): LambdaFunction {
  const { name, timeoutMs, memoryMb, maxConcurrency } = definition;
  return new LambdaFunction(
    { name, timeoutMs, memoryMb, maxConcurrency },
    {
      clock: options.clock,
      random: options.random,
      sandboxes: options.sandboxes(definition),
      ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
      ...(options.startAfterMs === undefined ? {} : { startAfterMs: options.startAfterMs }),
      ...(options.onReport === undefined ? {} : { onReport: options.onReport }),
    },
  );
}
