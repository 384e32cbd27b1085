/**
 * Owns: when schedules fire: one clock timer, at the next due schedule; and what their deliveries are, told from the target's ARN.
 * Must not: decide when a schedule is due. That is the model's.
 */
import { unknownTarget } from "./errors.js";
import type { AuthorizedCall } from "./iam/access-request.js";
import type { Input } from "./model.js";
import { afterUnheld, type WorldClock } from "./world-clock.js";
import type { Delivery } from "./scheduler/scheduler-model.js";

/** Takes a delivery to a Lambda function's ARN. False: no such function. */
export type LambdaListener = (targetArn: string, input: string) => boolean | void;

export interface ScheduleSource {
  nextFireAtMs(): number | null;
}

const SQS_QUEUE_ARN = /^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:([A-Za-z0-9_-]+)$/;
const UNIVERSAL_SEND_MESSAGE = /^arn:aws[a-z-]*:scheduler:::aws-sdk:sqs:sendMessage$/;

/** What a delivery sends to SQS; undefined when its target is not SQS. Throws a SyntaxError for input that is not JSON. */
export function messageOf(delivery: Delivery): Input | undefined {
  const queue = SQS_QUEUE_ARN.exec(delivery.targetArn)?.[1];
  // Any URL ending in the queue's name will do for the model.
  if (queue !== undefined) return { QueueUrl: `/000000000000/${queue}`, MessageBody: delivery.input };
  if (!UNIVERSAL_SEND_MESSAGE.test(delivery.targetArn)) return undefined;
  const input: unknown = JSON.parse(delivery.input);
  return typeof input === "object" && input !== null ? { ...input } : {};
}

/** What the schedule's role must be allowed for the delivery to be made. */
export function authorizationOf(delivery: Delivery, message: Input | undefined): AuthorizedCall {
  const caller = { name: "scheduler.amazonaws.com", roleArn: delivery.roleArn };
  if (message !== undefined) return { service: "sqs", operation: "SendMessage", input: message, caller };
  return { service: "lambda", operation: "Invoke", input: { FunctionName: delivery.targetArn }, caller };
}

/** What a delivery that failed sends to its dead-letter queue; undefined when it has none. */
export function deadLetterOf({ deadLetterArn, input }: Delivery): Input | undefined {
  const queue = SQS_QUEUE_ARN.exec(deadLetterArn ?? "")?.[1];
  return queue === undefined ? undefined : { QueueUrl: `/000000000000/${queue}`, MessageBody: input };
}

export class ScheduleDelivery {
  readonly #clock: WorldClock;
  readonly #source: ScheduleSource;
  readonly #fire: () => void;
  readonly #invokeListeners = new Set<LambdaListener>();
  readonly #undeliveredListeners = new Set<(error: Error) => void>();
  #armedForMs: number | null = null;
  #cancel: (() => void) | undefined;

  constructor(clock: WorldClock, source: ScheduleSource, fire: () => void) {
    this.#clock = clock;
    this.#source = source;
    this.#fire = fire;
  }

  /** Sets the timer for the schedule that is due next, if that has changed. */
  arm(): void {
    const nextMs = this.#source.nextFireAtMs();
    if (nextMs === this.#armedForMs) return;
    this.stop();
    if (nextMs === null) return;
    this.#armedForMs = nextMs;
    this.#cancel = afterUnheld(this.#clock, nextMs - this.#clock.now(), () => {
      this.#armedForMs = null;
      this.#cancel = undefined;
      this.#fire();
      this.arm();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedForMs = null;
  }

  onInvoke(listener: LambdaListener): () => void {
    this.#invokeListeners.add(listener);
    return () => void this.#invokeListeners.delete(listener);
  }

  onUndelivered(listener: (error: Error) => void): () => void {
    this.#undeliveredListeners.add(listener);
    return () => void this.#undeliveredListeners.delete(listener);
  }

  invoke(delivery: Delivery): void {
    let isTaken = false;
    for (const listener of this.#invokeListeners) {
      if (listener(delivery.targetArn, delivery.input) !== false) isTaken = true;
    }
    if (!isTaken) this.undelivered(delivery);
  }

  undelivered(delivery: Delivery, cause?: unknown): void {
    const error = unknownTarget({ targetArn: delivery.targetArn, scheduleName: delivery.scheduleName }, { cause });
    for (const listener of this.#undeliveredListeners) listener(error);
  }
}
