/**
 * Owns: what a deployed platform consists of, as data: queues, functions, mappings, routes and each function's environment.
 * The in-process world and the dev server build the same platform from it.
 * Must not: start anything.
 */

export interface PlatformQueue {
  name: string;
  visibilityTimeoutSeconds: number;
  /** Where a message goes after `maxReceiveCount` receives; none on the dead-letter queues themselves. */
  deadLetterQueue?: string;
  maxReceiveCount?: number;
}

export type PlatformFunctionName = "ingest" | "dispatch" | "worker" | "api" | "sweep" | "dead-letter" | "register";

export interface PlatformFunction {
  name: PlatformFunctionName;
  /** Entry under runtime/lambda, or "user" for the user's own entry module. */
  entry: string;
  timeoutMs: number;
  memoryMb: number;
  maxConcurrency: number;
  environment: Record<string, string>;
}

export interface PlatformMapping {
  queue: string;
  function: PlatformFunctionName;
  batchSize: number;
  maximumConcurrency: number;
}

export interface PlatformRoute {
  /** API Gateway route key. */
  route: string;
  function: PlatformFunctionName;
}

export interface Platform {
  tableName: string;
  bucketName: string;
  scheduleGroup: string;
  queues: PlatformQueue[];
  functions: PlatformFunction[];
  mappings: PlatformMapping[];
  routes: PlatformRoute[];
  /** Invoked once a minute through EventBridge Scheduler. */
  everyMinute: PlatformFunctionName;
}

export interface PlatformOptions {
  /** Base of queue URLs, such as http://127.0.0.1:4100. */
  sqsEndpoint: string;
  eventKey: string;
  signingKey: string;
  /** Where `perdure.send` in user code posts to. */
  publicUrl: string;
  workerConcurrency?: number;
  /** Sandboxes of ingest and of the API. On AWS as many as the account allows; a process each on a laptop: 4 by default. */
  httpConcurrency?: number;
  workerTimeoutMs?: number;
  retentionDays?: number;
}

export const LOCAL_ACCOUNT = "000000000000";
export const LOCAL_REGION = "us-east-1";

/** The user's functions get a minute by default; the queue's visibility follows from it (SQS: visibility ≥ timeout). */
const WORKER_TIMEOUT_MS = 60_000;
const DISPATCH_TIMEOUT_MS = 30_000;
/** ≥ 10: throttling counts as a receive and must not kill healthy work (PROTOCOL §4). */
const MAX_RECEIVE_COUNT = 12;

const EVENTS = "perdure-events";
const EVENTS_DEAD = "perdure-events-dead";
const STEPS = "perdure-steps";
const STEPS_DEAD = "perdure-steps-dead";

export function queueUrl(endpoint: string, name: string): string {
  return `${endpoint}/${LOCAL_ACCOUNT}/${name}`;
}

export function queueArn(name: string): string {
  return `arn:aws:sqs:${LOCAL_REGION}:${LOCAL_ACCOUNT}:${name}`;
}

/** Everything a platform with one app consists of. */
export function describePlatform(options: PlatformOptions): Platform {
  const workerTimeoutMs = options.workerTimeoutMs ?? WORKER_TIMEOUT_MS;
  return {
    tableName: "perdure",
    bucketName: "perdure-payloads",
    scheduleGroup: "perdure",
    queues: describeQueues(workerTimeoutMs),
    functions: describeFunctions(options, workerTimeoutMs),
    mappings: [
      { queue: EVENTS, function: "dispatch", batchSize: 10, maximumConcurrency: 2 },
      { queue: STEPS, function: "worker", batchSize: 1, maximumConcurrency: options.workerConcurrency ?? 10 },
      { queue: EVENTS_DEAD, function: "dead-letter", batchSize: 10, maximumConcurrency: 2 },
      { queue: STEPS_DEAD, function: "dead-letter", batchSize: 10, maximumConcurrency: 2 },
    ],
    routes: [
      { route: "POST /e/{eventKey}", function: "ingest" },
      { route: "ANY /api/v1/{proxy+}", function: "api" },
      { route: "GET /health", function: "api" },
    ],
    everyMinute: "sweep",
  };
}

function describeQueues(workerTimeoutMs: number): PlatformQueue[] {
  const dead = (name: string): PlatformQueue => ({ name, visibilityTimeoutSeconds: 60 });
  return [
    dead(EVENTS_DEAD),
    dead(STEPS_DEAD),
    {
      name: EVENTS,
      visibilityTimeoutSeconds: DISPATCH_TIMEOUT_MS / 1000,
      deadLetterQueue: EVENTS_DEAD,
      maxReceiveCount: MAX_RECEIVE_COUNT,
    },
    {
      name: STEPS,
      visibilityTimeoutSeconds: Math.ceil(workerTimeoutMs / 1000),
      deadLetterQueue: STEPS_DEAD,
      maxReceiveCount: MAX_RECEIVE_COUNT,
    },
  ];
}

function describeFunctions(options: PlatformOptions, workerTimeoutMs: number): PlatformFunction[] {
  const environment = platformEnvironment(options);
  const keys = { PERDURE_EVENT_KEYS: options.eventKey, PERDURE_SIGNING_KEYS: options.signingKey };
  const platformFunction = (name: PlatformFunctionName, more: Partial<PlatformFunction> = {}): PlatformFunction => ({
    name,
    entry: name,
    timeoutMs: DISPATCH_TIMEOUT_MS,
    memoryMb: 512,
    maxConcurrency: 4,
    environment,
    ...more,
  });
  const http = { environment: { ...environment, ...keys }, maxConcurrency: options.httpConcurrency ?? 4 };
  return [
    platformFunction("ingest", http),
    platformFunction("api", http),
    platformFunction("dispatch"),
    platformFunction("sweep", { maxConcurrency: 1 }),
    platformFunction("dead-letter"),
    platformFunction("register", { maxConcurrency: 1 }),
    platformFunction("worker", {
      entry: "user",
      timeoutMs: workerTimeoutMs,
      maxConcurrency: options.workerConcurrency ?? 10,
      environment: { ...environment, PERDURE_URL: options.publicUrl, PERDURE_EVENT_KEY: options.eventKey },
    }),
  ];
}

function platformEnvironment(options: PlatformOptions): Record<string, string> {
  return {
    // None: metrics would be noise in the lines a terminal shows.
    PERDURE_PLATFORM: "",
    PERDURE_TABLE: "perdure",
    PERDURE_BUCKET: "perdure-payloads",
    PERDURE_EVENTS_QUEUE_URL: queueUrl(options.sqsEndpoint, EVENTS),
    PERDURE_EVENTS_QUEUE_ARN: queueArn(EVENTS),
    PERDURE_STEP_QUEUE_URL: queueUrl(options.sqsEndpoint, STEPS),
    PERDURE_SCHEDULE_GROUP: "perdure",
    PERDURE_SCHEDULE_ROLE_ARN: `arn:aws:iam::${LOCAL_ACCOUNT}:role/perdure-scheduler`,
    PERDURE_RETENTION_DAYS: String(options.retentionDays ?? 14),
  };
}
