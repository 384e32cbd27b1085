/**
 * Owns: the whole platform in one process: the embedded AWS by its in-process face, the real Lambda handlers in in-process
 * sandboxes, mappings, HTTP API and schedules by Lambda's rules. On a virtual clock a year takes milliseconds.
 * The scenario tests, the benches and the test kit stand on it; what they exercise is what is deployed.
 */
import { DeleteScheduleCommand } from "@aws-sdk/client-scheduler";
import type { Clock, Random } from "../../sdk/clock.js";
import { hostFunctions } from "../../sdk/host/in-process-host.js";
import type { PerdureFunction } from "../../sdk/function.js";
import type { Logger } from "../../sdk/logger.js";

import { createApi } from "../../runtime/api/handle-request.js";
import { Dispatcher } from "../../runtime/dispatch/handle-messages.js";
import { handleBatch } from "../../runtime/executor/handle-batch.js";
import { EventLoopHeart } from "../../runtime/executor/heartbeat.js";
import { createIngest } from "../../runtime/ingest/handle-request.js";
import { loggedMetrics, type Metrics } from "../../runtime/observe/metrics.js";
import { registerApp, type RegistrationResult } from "../../runtime/registry/register.js";
import type { AwsClients } from "../../runtime/aws/clients.js";
import type { Services } from "../../runtime/services.js";
import { DeadLetters } from "../../runtime/sweep/dead-letters.js";
import { Sweeper } from "../../runtime/sweep/sweep.js";
import type { DurableLog } from "../aws/durable-log.js";
import { EmbeddedAws } from "../aws/embedded-aws.js";
import { inProcessClients } from "../aws/in-process.js";
import { createResources, createSweepSchedule } from "../dev/resources.js";
import { AssembledPlatform } from "../lambda/assembled-platform.js";
import type { HttpResponse } from "../lambda/http-message.js";
import { inProcessSandboxes } from "../lambda/in-process-sandbox.js";
import type { LambdaHandler } from "../lambda/invocation.js";
import type { InvocationReport, LambdaFunction } from "../lambda/lambda-function.js";
import { waitingSource, type MessageSource } from "../lambda/message-source.js";
import type { SandboxFactory } from "../lambda/sandbox.js";
import {
  describePlatform,
  queueArn,
  queueUrl,
  type Platform,
  type PlatformFunctionName,
  type PlatformMapping,
  type PlatformQueue,
} from "../platform.js";
import { SandboxClock } from "./sandbox-clock.js";

export interface WorldOptions {
  clock: Clock & { touch?(): void };
  random: Random;
  client: { readonly id: string };
  functions: readonly PerdureFunction<never>[];
  /** Where the platform's own lines go. Silent by default. */
  logger?: Logger;
  /** Told of what is counted. By default the logger says it, as a deployed platform's log does. */
  metrics?: Metrics;
  log?: DurableLog;
  /**
   * False: nothing looks for overdue runs; a test then shows what holds without that safety net. True by default. "seldom":
   * twice a day, which is enough where nothing is lost, and lets a year pass quickly.
   */
  sweeper?: boolean | "seldom";
  workerConcurrency?: number;
  workerTimeoutMs?: number;
  retentionDays?: number;
  /** How far each sandbox's wall time is ahead of the world's, in ms. 0 by default. */
  skewMs?(sandboxId: string): number;
}

export const EVENT_KEY = "test-event-key";
export const SIGNING_KEY = "test-signing-key";

const SQS_ENDPOINT = "http://sqs.us-east-1.localhost";
const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export class World {
  readonly aws: EmbeddedAws;
  readonly platform: Platform;
  readonly #options: WorldOptions;
  readonly #assembled: AssembledPlatform;
  readonly #sandboxClocks = new Map<string, SandboxClock>();
  readonly #invocationListeners: ((report: InvocationReport) => void)[] = [];
  #functions: readonly PerdureFunction<never>[];

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.#functions = options.functions;
    const { clock, random, log } = options;
    this.aws = new EmbeddedAws({ clock, random, endpoint: SQS_ENDPOINT, ...(log ? { log } : {}) });
    this.platform = describePlatform({
      sqsEndpoint: SQS_ENDPOINT,
      eventKey: EVENT_KEY,
      signingKey: SIGNING_KEY,
      publicUrl: "http://localhost",
      httpConcurrency: 1_000,
      workerConcurrency: options.workerConcurrency ?? 10,
      ...(options.workerTimeoutMs === undefined ? {} : { workerTimeoutMs: options.workerTimeoutMs }),
      ...(options.retentionDays === undefined ? {} : { retentionDays: options.retentionDays }),
    });
    this.#assembled = new AssembledPlatform(this.platform, {
      clock,
      random,
      sandboxes: ({ name }) => this.#sandboxes(name),
      source: (queue, mapping) => this.#source(queue, mapping),
      onReport: (report) => this.#invocationListeners.forEach((listener) => listener(report)),
      onProblem: (problem) => options.logger?.warn("The platform met a problem", problem),
    });
    this.aws.onInvoke(this.#assembled.onSchedule);
  }

  /** A running platform with the app's functions registered. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await createResources(world.platform, world.#deployment(), options.clock);
    if (options.sweeper === false || options.sweeper === "seldom") await world.#removeSweeper();
    if (options.sweeper === "seldom") await createSweepSchedule(world.platform, world.#deployment(), "rate(12 hours)");
    await world.register();
    world.#assembled.start();
    return world;
  }

  lambda(name: PlatformFunctionName): LambdaFunction {
    return this.#assembled.function(name);
  }

  /** Told of every invocation that has ended. */
  onInvocation(listener: (report: InvocationReport) => void): void {
    this.#invocationListeners.push(listener);
  }

  /** The services a principal of this world sees: for tests that look into the table. */
  services(name: string, sandboxId?: string): Services {
    const { random } = this.#options;
    const clock = sandboxId === undefined ? this.#options.clock : this.#clockOf(sandboxId);
    const environment = this.#environment();
    return {
      clients: inProcessClients(this.aws, sandboxId === undefined ? { name } : { name, sandboxId }),
      clock,
      random,
      logger: this.#options.logger ?? silentLogger,
      metrics: this.#options.metrics ?? loggedMetrics(this.#options.logger ?? silentLogger),
      settings: {
        tableName: this.platform.tableName,
        bucketName: this.platform.bucketName,
        eventsQueueUrl: environment["PERDURE_EVENTS_QUEUE_URL"] ?? "",
        eventsQueueArn: environment["PERDURE_EVENTS_QUEUE_ARN"] ?? "",
        scheduleGroup: this.platform.scheduleGroup,
        scheduleRoleArn: environment["PERDURE_SCHEDULE_ROLE_ARN"] ?? "",
        retentionDays: Number(environment["PERDURE_RETENTION_DAYS"]),
      },
    };
  }

  get stepQueueUrl(): string {
    return this.#environment()["PERDURE_STEP_QUEUE_URL"] ?? "";
  }

  /** One request to the HTTP API, as JSON unless the body is text or bytes. */
  request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<HttpResponse> {
    const bytes =
      body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : (JSON.stringify(body) ?? ""));
    return this.#assembled.api.dispatch({
      method,
      target: path,
      headers: { "content-type": "application/json", ...headers },
      body: bytes,
      sourceIp: "127.0.0.1",
    });
  }

  /** Registers the functions as a deployment does. */
  register(): Promise<RegistrationResult> {
    const { manifest } = hostFunctions(this.#options.client.id, this.#functions);
    return registerApp(this.services("register"), { manifest, stepQueueUrl: this.stepQueueUrl });
  }

  /** Deploys other code: new invocations run it; what runs now is finished by the old. */
  async redeploy(functions: readonly PerdureFunction<never>[]): Promise<RegistrationResult> {
    this.#functions = functions;
    this.lambda("worker").replaceCode(this.#sandboxes("worker"));
    return this.register();
  }

  /**
   * A sandbox stands still, as a process does that is stopped: its timers and its calls wait until it thaws, and so do the
   * answers it is waiting for. Then it goes on as if nothing had been.
   */
  freeze(sandboxId: string, ms: number): void {
    this.#sandboxClocks.get(sandboxId)?.freeze(ms);
    this.aws.freeze(sandboxId, ms);
  }

  async stop(): Promise<void> {
    await this.#assembled.stop(0);
    this.aws.close();
  }

  #deployment(): AwsClients {
    return inProcessClients(this.aws, { name: "deployment" });
  }

  async #removeSweeper(): Promise<void> {
    const { scheduleGroup: GroupName, everyMinute } = this.platform;
    await this.#deployment().scheduler.send(
      new DeleteScheduleCommand({ GroupName, Name: `every-minute-${everyMinute}` }),
    );
  }

  #environment(): Record<string, string> {
    return this.platform.functions.find(({ name }) => name === "worker")?.environment ?? {};
  }

  /** A sandbox's own clock, so that one that is killed in the middle of its work does not hold up time for ever. */
  #clockOf(sandboxId: string): Clock {
    const clock = new SandboxClock(this.#options.clock, this.#options.skewMs?.(sandboxId) ?? 0);
    this.#sandboxClocks.set(sandboxId, clock);
    const forget = this.aws.onCrash((crashedId) => {
      if (crashedId !== sandboxId) return;
      clock.die();
      this.#sandboxClocks.delete(sandboxId);
      forget();
    });
    return clock;
  }

  #sandboxes(name: PlatformFunctionName): SandboxFactory {
    return inProcessSandboxes({
      clock: this.#options.clock,
      createHandler: (sandboxId) => this.#handler(name, sandboxId),
      onCrash: (listener) => void this.aws.onCrash(listener),
      onKill: (sandboxId) => this.aws.kill(sandboxId),
    });
  }

  /** The real handlers, as the entry points in runtime/lambda make them, with this world in place of the environment. */
  #handler(name: PlatformFunctionName, sandboxId: string): LambdaHandler {
    const services = this.services(name, sandboxId);
    switch (name) {
      case "ingest": {
        const ingest = createIngest(services, { eventKeys: [EVENT_KEY] });
        return (event) => ingest(event as Parameters<typeof ingest>[0]);
      }
      case "api": {
        const api = createApi(services, { signingKeys: [SIGNING_KEY], eventKeys: [EVENT_KEY] });
        return (event) => api(event as Parameters<typeof api>[0]);
      }
      case "dispatch": {
        const dispatcher = new Dispatcher(services);
        return (event) => dispatcher.handle(recordsOf(event));
      }
      case "dead-letter": {
        const deadLetters = new DeadLetters(services);
        return (event) => deadLetters.handle(recordsOf(event));
      }
      case "sweep": {
        const sweeper = new Sweeper(services);
        return () => sweeper.sweep();
      }
      case "register":
        return () => this.register();
      case "worker": {
        const host = hostFunctions(this.#options.client.id, this.#functions);
        const executor = { services, host, heart: new EventLoopHeart(services) };
        return (event, context) => handleBatch(executor, recordsOf(event), context, this.stepQueueUrl);
      }
    }
  }

  #source(queue: PlatformQueue, mapping: PlatformMapping): MessageSource {
    const address = { queueUrl: queueUrl(SQS_ENDPOINT, queue.name), queueArn: queueArn(queue.name) };
    const caller = { name: `mapping-${mapping.function}` };
    return waitingSource({
      ...address,
      sqs: inProcessClients(this.aws, caller).sqs,
      clock: this.#options.clock,
      receiveWhenAvailable: (maxMessages, abort) =>
        this.aws.receiveWhenAvailable(address.queueUrl, maxMessages, caller, abort),
    });
  }
}

function recordsOf(event: unknown): Parameters<typeof handleBatch>[1] {
  // The mapping builds exactly this shape (local/lambda/sqs-event.ts).
  return (event as { Records: Parameters<typeof handleBatch>[1] }).Records;
}
