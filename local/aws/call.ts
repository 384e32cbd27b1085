/**
 * Owns: what a call to the embedded AWS is, before any service looks at it.
 */
import type { Input, ServiceName } from "./model.js";

/** Who calls: a Lambda function, or a principal of AWS itself (an event source mapping, the Scheduler). */
export interface Caller {
  name: string;
  /** The execution environment the call comes from; it is what a crash kills. */
  sandboxId?: string | undefined;
  /** Acts with this role instead of its own: EventBridge Scheduler delivers with the role a schedule names. */
  roleArn?: string | undefined;
  /** Aborts the wait for the answer. A long poll that is aborted takes no message with it. */
  signal?: AbortSignal | undefined;
}

export interface AwsCall {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: Input;
  readonly caller: Caller;
  /** Place among all calls, 1 first. */
  readonly index: number;
  /** Place among the calls of this `caller.name`, 1 first. */
  readonly callerIndex: number;
}
