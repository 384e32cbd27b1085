/**
 * Owns: a bill from counts: what the ledger metered, and what it cannot see (Lambda, the HTTP API, logs) at stated
 * assumptions. us-east-1, list prices, no free tier.
 * Must not: count. Calls and invocations are counted where they happen.
 */
import { priceOf, type LedgerRow } from "../local/aws/ledger.js";

/** Counted on a stack for a number of runs. */
export interface Counted {
  runs: number;
  rows: readonly LedgerRow[];
  /** Invocations by function: "ingest", "dispatch", "worker", "dead-letter", "sweep". */
  invocations: ReadonlyMap<string, number>;
  /** Events that dispatch handled. */
  events: number;
  /** What Lambda itself logs of an invocation. */
  invocationLogBytes: number;
  /** What the platform's functions log of these runs: of those that go well, nothing. */
  lineBytes: number;
}

/** Dollars for a million runs, by what they are paid for. */
export interface Bill {
  dynamodb: number;
  sqs: number;
  scheduler: number;
  s3: number;
  lambda: number;
  http: number;
  logs: number;
  total: number;
}

const MILLION = 1e6;
/** arm64: https://aws.amazon.com/lambda/pricing */
const GB_SECOND_DOLLARS = 1.33334e-5;
const INVOCATION_DOLLARS = 0.2e-6;
const HTTP_DOLLARS = 1e-6;
const LOG_GB_DOLLARS = 0.5;
const GB = 1e9;

/** Every function of the stack (infra/sizes.ts). */
const MEMORY_GB = 0.5;
/** Warm, with DynamoDB at 5 to 8 ms a call (aws.md §2); the user's own code takes no time here. */
const INGEST_MS = 15;
const DISPATCH_MS_PER_EVENT = 6;
/** Claim, load and settle. */
const TURN_MS = 18;
/** Each write of the log, each message: one call waited for. */
const CALL_MS = 8;

/** START, END and REPORT, which Lambda writes for each invocation unless the log's settings say otherwise. */
export const INVOCATION_LOG_BYTES = 270;
/** One line of the HTTP API's access log (infra/http-gateway.ts), with usual values. */
const ACCESS_LOG_BYTES = 125;

export function billOf(counted: Counted): Bill {
  const { runs, rows, invocations } = counted;
  const perMillion = (dollars: number): number => (dollars / runs) * MILLION;
  const metered = (service: string): number =>
    perMillion(rows.filter((row) => row.service === service).reduce((sum, { units }) => sum + priceOf(units), 0));
  const started = [...invocations.values()].reduce((sum, count) => sum + count, 0);
  const requests = invocations.get("ingest") ?? 0;
  const parts = {
    dynamodb: metered("dynamodb"),
    sqs: metered("sqs"),
    scheduler: metered("scheduler"),
    s3: metered("s3"),
    lambda: perMillion(started * INVOCATION_DOLLARS + gbSeconds(counted) * GB_SECOND_DOLLARS),
    http: perMillion(requests * HTTP_DOLLARS),
    logs: perMillion((logBytes(counted) / GB) * LOG_GB_DOLLARS),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

function logBytes({ invocations, invocationLogBytes, lineBytes }: Counted): number {
  const started = [...invocations.values()].reduce((sum, count) => sum + count, 0);
  return started * invocationLogBytes + (invocations.get("ingest") ?? 0) * ACCESS_LOG_BYTES + lineBytes;
}

function gbSeconds({ rows, invocations, events }: Counted): number {
  const waited = rows
    .filter(
      ({ caller, operation }) =>
        caller === "worker" && ["PutItem", "SendMessage", "CreateSchedule"].includes(operation),
    )
    .reduce((sum, { calls }) => sum + calls, 0);
  const ms =
    (invocations.get("ingest") ?? 0) * INGEST_MS +
    events * DISPATCH_MS_PER_EVENT +
    (invocations.get("worker") ?? 0) * TURN_MS +
    waited * CALL_MS;
  return (ms / 1_000) * MEMORY_GB;
}
