/**
 * Owns: the fault switch: which call goes wrong, and how. Rules look at a numbered call and name a fault; the embedded AWS
 * carries it out. Numbers make exhaustive tests possible: crash at call 1, at call 2, … until a run makes no more calls.
 * Must not: change a model.
 */
import type { AwsCall, Caller } from "./call.js";
import { AwsServiceError, type Input, type ServiceName } from "./model.js";

/**
 * - `crash-before`, `crash-after`: the calling sandbox dies before the call is applied, or just after. Its calls never settle.
 * - `lost`: applied, then the connection breaks. `drop`: the connection breaks before the call arrives.
 * - `throttle`: refused with the service's own throttling error.
 * - `double`: applied twice, answered as the second time (a retry after a lost answer, made by the SDK).
 * - `freezeMs`: the caller freezes. `when: "before"` (the default): the call arrives that much later; `"after"`: it is applied
 *   now and answered that much later.
 * - `stale`: an index, or an eventually consistent read, answers from before the latest write.
 */
export type Fault =
  | "crash-before"
  | "crash-after"
  | "lost"
  | "drop"
  | "throttle"
  | "double"
  | "stale"
  | { freezeMs: number; when?: "before" | "after" };

export type FaultRule = (call: AwsCall) => Fault | undefined;

/** The connection broke: the caller cannot know whether the call was applied. Looks as it does from the SDK's HTTP handler. */
export class ConnectionLostError extends Error {
  override readonly name = "TimeoutError";
  readonly code = "ECONNRESET";
  readonly $metadata = { attempts: 1, totalRetryDelay: 0 };
  constructor() {
    super("socket hang up");
  }
}

/** What each service answers when it is asked too much. */
export function throttlingError(service: ServiceName): AwsServiceError {
  switch (service) {
    case "dynamodb":
      return new AwsServiceError(
        "ThrottlingException",
        "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.",
      );
    case "sqs":
      return new AwsServiceError("RequestThrottled", "The request was denied due to request throttling.");
    case "lambda":
      return new AwsServiceError("TooManyRequestsException", "Rate Exceeded.", 429);
    case "secretsmanager":
    case "scheduler":
      return new AwsServiceError("ThrottlingException", "Rate exceeded", 429);
    case "s3":
      return new AwsServiceError("SlowDown", "Please reduce your request rate.", 503);
  }
}

/** A rule for the one call with this overall index. */
export function atCall(index: number, fault: Fault): FaultRule {
  return (call) => (call.index === index ? fault : undefined);
}

export class Faults {
  readonly #rules = new Set<FaultRule>();
  readonly #callsByCaller = new Map<string, number>();
  #calls = 0;

  /** Calls numbered so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Adds a rule. The first rule that names a fault for a call decides. The returned function removes it. */
  add(rule: FaultRule): () => void {
    this.#rules.add(rule);
    return () => void this.#rules.delete(rule);
  }

  /** Removes every rule; the numbering goes on. */
  clear(): void {
    this.#rules.clear();
  }

  /** Gives a call its numbers. */
  number(service: ServiceName, operation: string, input: Input, caller: Caller): AwsCall {
    this.#calls += 1;
    const callerIndex = (this.#callsByCaller.get(caller.name) ?? 0) + 1;
    this.#callsByCaller.set(caller.name, callerIndex);
    return { service, operation, input, caller, index: this.#calls, callerIndex };
  }

  decide(call: AwsCall): Fault | undefined {
    for (const rule of this.#rules) {
      const fault = rule(call);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}
