/** Owns: what the tests of the Lambda model share: a virtual clock, a function over toy handlers, a queue in memory. */
import type { Message } from "@aws-sdk/client-sqs";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { inProcessSandboxes } from "../../../local/lambda/in-process-sandbox.js";
import type { FunctionSettings, LambdaHandler } from "../../../local/lambda/invocation.js";
import { LambdaFunction } from "../../../local/lambda/lambda-function.js";
import type { InvocationReport } from "../../../local/lambda/lambda-function.js";
import type { MessageSource, ReceiveOptions } from "../../../local/lambda/message-source.js";

export const QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:steps";

export interface FunctionWorld {
  clock: VirtualClock;
  target: LambdaFunction;
  reports: InvocationReport[];
  /** Sandboxes in the order they were started, and those killed by their function. */
  started: string[];
  killed: string[];
  /** The fault switch: this sandbox is dead from now on. */
  crash(sandboxId: string): void;
}

const SETTINGS: FunctionSettings = { name: "worker", timeoutMs: 3_000, memoryMb: 512, maxConcurrency: 10 };

export function functionWorld(
  createHandler: (sandboxId: string) => LambdaHandler,
  settings: Partial<FunctionSettings> = {},
  idleMs?: number,
): FunctionWorld {
  const clock = new VirtualClock();
  const reports: InvocationReport[] = [];
  const started: string[] = [];
  const killed: string[] = [];
  let crash: (sandboxId: string) => void = () => undefined;
  const sandboxes = inProcessSandboxes({
    clock,
    createHandler: (sandboxId) => {
      started.push(sandboxId);
      return createHandler(sandboxId);
    },
    onCrash: (listener) => (crash = listener),
    onKill: (sandboxId) => killed.push(sandboxId),
  });
  const target = new LambdaFunction(
    { ...SETTINGS, ...settings },
    {
      clock,
      random: seededRandom(7),
      sandboxes,
      onReport: (report) => reports.push(report),
      ...(idleMs === undefined ? {} : { idleMs }),
    },
  );
  return { clock, target, reports, started, killed, crash: (sandboxId) => crash(sandboxId) };
}

/** A handler that waits for the test to say how it ends. */
export function gate(): { handler: LambdaHandler; open(result?: unknown): void; waiting(): number } {
  const waiters: ((result: unknown) => void)[] = [];
  return {
    handler: () => new Promise((resolve) => waiters.push(resolve)),
    open: (result = null) => waiters.shift()?.(result),
    waiting: () => waiters.length,
  };
}

export function message(id: string, body = `{"run":"${id}"}`): Message {
  return {
    MessageId: id,
    ReceiptHandle: `handle-${id}`,
    Body: body,
    MD5OfBody: "00000000000000000000000000000000",
    Attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1767225600000" },
  };
}

/** A queue whose messages are received once and never come back: what is left undeleted is what a mapping kept. */
export class ToySource implements MessageSource {
  readonly queueArn = QUEUE_ARN;
  readonly waiting: Message[] = [];
  readonly removed: string[] = [];
  /** Calls that still fail: "receive" and "remove" each. */
  failures = { receive: 0, remove: 0 };
  #wake: () => void = () => undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  send(...messages: Message[]): void {
    this.waiting.push(...messages);
    this.#wake();
  }

  async receive({ maxMessages, waitMs, abort }: ReceiveOptions): Promise<Message[]> {
    if (this.failures.receive > 0) {
      this.failures.receive -= 1;
      throw new Error("connection refused");
    }
    if (this.waiting.length === 0 && !abort.aborted) await this.#something(waitMs, abort);
    return abort.aborted ? [] : this.waiting.splice(0, Math.min(maxMessages, 10));
  }

  async remove(receiptHandles: readonly string[]): Promise<string[]> {
    if (this.failures.remove > 0) {
      this.failures.remove -= 1;
      throw new Error("connection reset");
    }
    this.removed.push(...receiptHandles);
    return [];
  }

  #something(waitMs: number | null, abort: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      abort.addEventListener("abort", () => resolve());
      if (waitMs !== null) this.#clock.after(waitMs, resolve);
    });
  }
}
