/**
 * Owns: what every modelled service has in common. A model is a synchronous state machine: one call, one atomic change.
 * Time and chance come in with the call, so that a recorded call repeats exactly (the durable log replays calls).
 * Must not: read a clock, draw a random number, open a socket, or accept an operation, parameter or expression that the
 * real service would refuse or that is not modelled: unknown input throws `NotModelledError`, loudly.
 */
import type { Random } from "../../sdk/clock.js";

export type ServiceName = "dynamodb" | "sqs" | "scheduler" | "s3" | "secretsmanager" | "lambda";

/** What a call would be billed, in the service's own units. Added up by the ledger. */
export interface Units {
  /** DynamoDB write request units on the table, and on its indexes. */
  writeUnits?: number;
  indexWriteUnits?: number;
  readUnits?: number;
  /** SQS requests: one for each 64 KB of each API call. */
  sqsRequests?: number;
  /** S3 PUT-class and GET-class requests. */
  s3Puts?: number;
  s3Gets?: number;
  /** Scheduler invocations delivered. */
  scheduleInvocations?: number;
}

export interface CallContext {
  /** Wall time of the call, ms since 1970. */
  nowMs: number;
  random: Random;
  /** Reports what the call is billed. Called for refused calls too where AWS bills them. */
  meter(units: Units): void;
}

/** An error as the service answers it: `name` as in the SDK (`ConditionalCheckFailedException`), HTTP status, extra members. */
export class AwsServiceError extends Error {
  readonly statusCode: number;
  readonly members: Record<string, unknown>;
  constructor(name: string, message: string, statusCode = 400, members: Record<string, unknown> = {}) {
    super(message);
    this.name = name;
    this.statusCode = statusCode;
    this.members = members;
  }
}

/** Our model's own limit, never an AWS answer: the caller uses something we have not modelled. */
export class NotModelledError extends Error {
  override readonly name = "NotModelledError";
}

export type Input = Record<string, unknown>;
export type Output = Record<string, unknown>;

export interface ServiceModel {
  readonly service: ServiceName;
  /** Operations that change state and must be in the durable log before they are answered. */
  readonly logged: ReadonlySet<string>;
  /**
   * Applies one operation. `input` and the result have the SDK's own shapes (`PutItemCommandInput` → `PutItemCommandOutput`
   * without `$metadata`): native strings, numbers, `Uint8Array` for binary, `Date` for timestamps. The input is not kept by
   * reference and the output shares nothing with the state.
   */
  execute(operation: string, input: Input, context: CallContext): Output;
  /** The whole state as structured-clonable, JSON-encodable data (binary as base64 strings), and back. */
  snapshot(): unknown;
  restore(snapshot: unknown): void;
}
