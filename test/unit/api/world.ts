/** Owns: the API over real stores on the embedded AWS, on a virtual clock, and short ways to put runs and ask for them. */
import { createResources } from "../../../local/dev/resources.js";
import { EmbeddedAws } from "../../../local/aws/embedded-aws.js";
import { inProcessClients } from "../../../local/aws/in-process.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { describePlatform } from "../../../local/platform.js";
import { createApi } from "../../../runtime/api/handle-request.js";
import { registerApp } from "../../../runtime/registry/register.js";
import type { Services } from "../../../runtime/services.js";
import type { NewRun } from "../../../runtime/state/head-item.js";
import { LogStore } from "../../../runtime/state/log-store.js";
import { pack } from "../../../runtime/state/payloads.js";
import { RunStore } from "../../../runtime/state/run-store.js";
import type { FunctionConfig, Json, LogEntry, SerializedError } from "../../../sdk/protocol.js";

/** 2026-03-10T12:00:00Z. */
export const NOW_MS = 1_773_144_000_000;
export const KEY = "signkey-test-1";
export const EVENT_KEY = "event-key";
const RETENTION_SECONDS = 14 * 86_400;

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: { data?: unknown; cursor?: string; error?: { code: string; message: string; remedy: string } };
}

export interface Ask {
  method?: string;
  query?: string;
  /** The Authorization header; null for none. */
  authorization?: string | null;
}

export interface World {
  clock: VirtualClock;
  aws: EmbeddedAws;
  services: Services;
  logLines: unknown[][];
  ask(path: string, ask?: Ask): Promise<Reply>;
  createRun(number: number, more?: Partial<NewRun>): Promise<string>;
  append(runId: string, epoch: number, n: number, entries: LogEntry[]): Promise<void>;
  claim(runId: string): Promise<number>;
  complete(runId: string, output: Json): Promise<void>;
  fail(runId: string, error: SerializedError): Promise<void>;
  close(): void;
}

export async function createWorld(signingKeys: readonly string[] = ["signkey-test-0", KEY]): Promise<World> {
  const clock = new VirtualClock({ startMs: NOW_MS });
  const aws = new EmbeddedAws({ clock, random: seededRandom(1) });
  const clients = inProcessClients(aws, { name: "api" });
  const platform = describePlatform({
    sqsEndpoint: "http://sqs.us-east-1.localhost",
    eventKey: "event-key",
    signingKey: KEY,
    publicUrl: "http://localhost",
  });
  await createResources(platform, clients, clock);
  const logLines: unknown[][] = [];
  const log = (...parts: unknown[]): void => void logLines.push(parts);
  const services: Services = {
    clients,
    clock,
    random: seededRandom(2),
    logger: { debug: log, info: log, warn: log, error: log },
    metrics: { count: () => undefined },
    settings: {
      tableName: platform.tableName,
      bucketName: platform.bucketName,
      eventsQueueUrl: "http://sqs.us-east-1.localhost/000000000000/perdure-events",
      eventsQueueArn: "arn:aws:sqs:us-east-1:000000000000:perdure-events",
      scheduleGroup: platform.scheduleGroup,
      scheduleRoleArn: "arn:aws:iam::000000000000:role/perdure-scheduler",
      retentionDays: 14,
    },
  };
  return {
    clock,
    aws,
    services,
    logLines,
    ...runsOf(services),
    ...askerOf(services, signingKeys),
    close: () => aws.close(),
  };
}

function askerOf(services: Services, signingKeys: readonly string[]): Pick<World, "ask"> {
  const api = createApi(services, { signingKeys, eventKeys: [EVENT_KEY] });
  const ask: World["ask"] = async (path, { method = "GET", query = "", authorization = `Bearer ${KEY}` } = {}) => {
    const answer = await api({
      rawPath: path,
      rawQueryString: query,
      headers: authorization === null ? {} : { authorization },
      requestContext: { requestId: "request-7", http: { method } },
    });
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(answer.body) };
  };
  return { ask };
}

/** Run ids of tests are numbers: `shop_` and 26 characters. */
export const runId = (number: number, appId = "shop"): string => `${appId}_${String(number).padStart(26, "0")}`;
/** A well-formed event id. */
export const eventId = (number: number): string => `01KK${String(number).padStart(22, "0")}`;

function runsOf(services: Services): Pick<World, "createRun" | "append" | "claim" | "complete" | "fail"> {
  const runs = new RunStore(services);
  const logs = new LogStore(services);
  const ttlSeconds = NOW_MS / 1_000 + RETENTION_SECONDS;
  const end = async (id: string, status: "Completed" | "Failed", output: Json, error: SerializedError | null) => {
    const epoch = (await runs.get(id))?.head.epoch ?? 0;
    const packed =
      status === "Completed" ? await pack(services, JSON.stringify(output), () => `runs/${id}/output`) : null;
    const objects = packed?.form === "object" ? 1 : 0;
    const nowMs = services.clock.now();
    await runs.end(id, epoch, null, {
      status,
      endedAtMs: nowMs,
      output: packed,
      error,
      ttlSeconds,
      effects: [],
      objects,
    });
  };
  return {
    async createRun(number, more = {}) {
      const createdAtMs = more.createdAtMs ?? services.clock.now();
      const id = more.runId ?? runId(number);
      const standard = { functionId: "checkout", eventId: eventId(number), events: null, notBeforeMs: null };
      await runs.create({ ...standard, dueAtMs: createdAtMs + 600_000, ttlSeconds, ...more, runId: id, createdAtMs });
      return id;
    },
    async append(id, epoch, n, entries) {
      await logs.append({ runId: id, epoch, n, ttlSeconds }, entries);
    },
    async claim(id) {
      const nowMs = services.clock.now();
      const claim = { holder: "worker-1", messageId: "message-1", leaseUntilMs: nowMs + 20_000, nowMs };
      const epoch = (await runs.get(id))?.head.epoch ?? 0;
      const { run } = await runs.claim(id, epoch, claim);
      return run?.head.epoch ?? 0;
    },
    complete: (id, output) => end(id, "Completed", output, null),
    fail: (id, error) => end(id, "Failed", null, error),
  };
}

/** Registers an app whose functions listen to one event each. */
export async function register(world: World, appId: string, functionIds: readonly string[]): Promise<void> {
  const functions = functionIds.map((id): FunctionConfig => {
    return { id, name: `The ${id}`, triggers: [{ event: `${appId}/${id}` }], retries: 4 };
  });
  const stepQueueUrl = "http://sqs.us-east-1.localhost/000000000000/perdure-steps";
  await registerApp(world.services, { manifest: { appId, sdkVersion: "0.1.0", functions }, stepQueueUrl });
}
