/**
 * Owns: the numbers a stack is built from, and those that follow from others: a queue's visibility from its function's
 * timeout, what may be reserved from what the mapping may start.
 * Must not: build anything.
 */
import { settingRefused } from "./errors.js";

/** Every function of the platform itself. */
export const PLATFORM_TIMEOUT_SECONDS = 30;
export const PLATFORM_MEMORY_MB = 512;
/** Describes a worker (which may start cold) and writes the registry: the one function that waits for another. */
export const REGISTER_TIMEOUT_SECONDS = 120;
/** CloudFormation gives up on the registration after this time instead of an hour. */
export const REGISTER_ANSWER_SECONDS = 600;

/** A turn that is cut off goes on in the next one; a short timeout costs nothing and notices a crash sooner. */
export const WORKER_TIMEOUT_SECONDS = 60;
export const WORKER_MEMORY_MB = 512;
/** Less leaves no time for a turn beside what its beginning and its end take. */
const SHORTEST_TIMEOUT_SECONDS = 10;
/** Lambda's own limit. */
const LONGEST_TIMEOUT_SECONDS = 900;

export const DISPATCH_BATCH = 10;
export const DISPATCH_CONCURRENCY = 20;
export const DEAD_LETTER_BATCH = 10;
export const DEAD_LETTER_CONCURRENCY = 2;
export const WORKER_BATCH = 1;
export const WORKER_CONCURRENCY = 50;

/** ≥ 10: throttling counts as a receive and must not kill healthy work (PROTOCOL §4). */
export const MAX_RECEIVE_COUNT = 12;
/** What SQS keeps at most: a queue that nobody empties for a fortnight is not found empty. */
export const MESSAGE_RETENTION_DAYS = 14;
export const DEAD_LETTER_VISIBILITY_SECONDS = 60;

/** Payloads of runs that have not ended, and events: longer than the longest wait of a year. */
export const PAYLOAD_DAYS = 400;
/** As runtime/queue/quarantine.ts keeps what it puts on record. */
export const QUARANTINE_DAYS = 90;
export const RETENTION_DAYS = 14;

/** SQS refuses a mapping whose queue shows a message again before its function has given up. */
export function visibilitySeconds(timeoutSeconds: number): number {
  return Math.max(30, Math.ceil(timeoutSeconds));
}

export interface WorkerSizes {
  timeoutSeconds: number;
  memoryMb: number;
  batchSize: number;
  maxConcurrency: number;
  reservedConcurrency: number | null;
}

/** An app's sizes, checked against each other. Throws STACK_SETTING_REFUSED. */
export function workerSizes(appId: string, given: Partial<WorkerSizes>): WorkerSizes {
  const sizes: WorkerSizes = {
    timeoutSeconds: given.timeoutSeconds ?? WORKER_TIMEOUT_SECONDS,
    memoryMb: given.memoryMb ?? WORKER_MEMORY_MB,
    batchSize: given.batchSize ?? WORKER_BATCH,
    maxConcurrency: given.maxConcurrency ?? WORKER_CONCURRENCY,
    reservedConcurrency: given.reservedConcurrency ?? null,
  };
  const refuse = (is: string, expected: string): never => {
    throw settingRefused({ what: "app", id: appId, is, expected });
  };
  const { timeoutSeconds, batchSize, maxConcurrency, reservedConcurrency } = sizes;
  if (!(timeoutSeconds >= SHORTEST_TIMEOUT_SECONDS && timeoutSeconds <= LONGEST_TIMEOUT_SECONDS))
    refuse(`its timeout is ${timeoutSeconds} s`, `${SHORTEST_TIMEOUT_SECONDS} to ${LONGEST_TIMEOUT_SECONDS} seconds`);
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 10)
    refuse(`its batchSize is ${batchSize}`, "a whole number from 1 to 10");
  if (!Number.isInteger(maxConcurrency) || maxConcurrency < 2 || maxConcurrency > 1_000)
    refuse(`its maxConcurrency is ${maxConcurrency}`, "a whole number from 2 to 1000, as SQS mappings take");
  // Messages beyond it would be throttled, each time a receive nearer to the dead-letter queue.
  if (reservedConcurrency !== null && reservedConcurrency < maxConcurrency)
    refuse(`its reservedConcurrency is ${reservedConcurrency}`, `at least its maxConcurrency, ${maxConcurrency}`);
  return sizes;
}
