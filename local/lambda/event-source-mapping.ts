/**
 * Owns: what stands between a queue and a function: receive, invoke with a batch, delete what was handled, leave the rest to
 * its visibility timeout. The rules are those of Lambda's SQS event source mapping with ReportBatchItemFailures.
 * Invariants: I1 a message is deleted only after an invocation answered that it was handled. I2 no more invocations at one
 * time than the mapping and its function allow. I3 nothing here ends a message: a failed one comes back by visibility.
 * Must not: change a message's visibility, look into a body, or model the ramp of Lambda's pollers (5 at first, +300 a
 * minute): one poller that starts as many invocations as allowed is the steady state.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import type { Message } from "@aws-sdk/client-sqs";
import { sleep } from "../../sdk/clock.js";
import type { Clock } from "../../sdk/clock.js";
import { handlerError } from "./invocation.js";
import type { InvocationError } from "./invocation.js";
import type { LambdaFunction } from "./lambda-function.js";
import { SQS_BATCH_LIMIT } from "./message-source.js";
import type { MessageSource } from "./message-source.js";
import { failedMessageIds, splitByPayload, sqsRecord } from "./sqs-event.js";
import type { SqsEvent } from "./sqs-event.js";

export interface MappingSettings {
  batchSize: number;
  /** Gathers for this long before invoking. 0 by default: whatever one receive brings. */
  batchWindowMs?: number;
  maximumConcurrency?: number;
  /** The queue's: a batch the function has no room for is offered again for this long, then dropped back. */
  visibilityTimeoutMs: number;
}

export interface MappingOptions {
  source: MessageSource;
  target: LambdaFunction;
  clock: Clock;
  /** Told what went wrong and has been dealt with: a failed batch, a receive or delete that did not work. */
  onProblem?(problem: MappingProblem): void;
}

export type MappingProblem =
  | { kind: "invocation"; error: InvocationError; messages: readonly Message[] }
  | { kind: "answer"; answer: unknown; messages: readonly Message[] }
  | { kind: "receive" | "delete"; error: unknown };

const THROTTLE_FIRST_DELAY_MS = 100;
const THROTTLE_LAST_DELAY_MS = 5_000;
const RECEIVE_FIRST_DELAY_MS = 1_000;
const RECEIVE_LAST_DELAY_MS = 30_000;
/** A delete whose answer was lost is repeated; after the last try the message comes back, which every handler survives. */
const DELETE_DELAYS_MS = [100, 1_000];

export class EventSourceMapping {
  readonly #settings: MappingSettings;
  readonly #options: MappingOptions;
  readonly #concurrency: number;
  readonly #stopping = new AbortController();
  readonly #deliveries = new Set<Promise<void>>();
  #polling: Promise<void> | undefined;
  #slotFreed: () => void = () => undefined;

  constructor(settings: MappingSettings, options: MappingOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#concurrency = Math.min(settings.maximumConcurrency ?? Infinity, options.target.settings.maxConcurrency);
  }

  start(): void {
    this.#polling ??= this.#poll();
  }

  /** Takes no further message. Resolves once every batch under way is settled: deleted or left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#slotFreed();
    await this.#polling;
    await Promise.all(this.#deliveries);
  }

  async #poll(): Promise<void> {
    let delayMs = RECEIVE_FIRST_DELAY_MS;
    while (await this.#slot()) {
      try {
        const messages = await this.#collect();
        delayMs = RECEIVE_FIRST_DELAY_MS;
        for (const part of splitByPayload(messages, this.#options.source.queueArn)) {
          // Past a stop the slot is not waited for: what was received is delivered or comes back by visibility.
          if (await this.#slot()) this.#startDelivery(part);
        }
      } catch (error) {
        this.#options.onProblem?.({ kind: "receive", error });
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, RECEIVE_LAST_DELAY_MS);
      }
    }
  }

  /** Resolves when one more invocation may start, with false once stopping. */
  async #slot(): Promise<boolean> {
    while (!this.#stopping.signal.aborted && this.#deliveries.size >= this.#concurrency) {
      await new Promise<void>((resolve) => {
        this.#slotFreed = resolve;
      });
    }
    return !this.#stopping.signal.aborted;
  }

  /** One batch: the first receive waits as long as it takes, further ones only within the window. */
  async #collect(): Promise<Message[]> {
    const { batchSize, batchWindowMs = 0 } = this.#settings;
    const { source, clock } = this.#options;
    const abort = this.#stopping.signal;
    const messages = await source.receive({ maxMessages: batchSize, waitMs: null, abort });
    const windowEndsAt = clock.monotonic() + batchWindowMs;
    while (messages.length > 0 && messages.length < batchSize && !abort.aborted) {
      const waitMs = windowEndsAt - clock.monotonic();
      if (waitMs <= 0) break;
      messages.push(...(await source.receive({ maxMessages: batchSize - messages.length, waitMs, abort })));
    }
    return messages;
  }

  #startDelivery(messages: readonly Message[]): void {
    const delivery = this.#deliver(messages).finally(() => {
      this.#deliveries.delete(delivery);
      this.#slotFreed();
    });
    this.#deliveries.add(delivery);
  }

  async #deliver(messages: readonly Message[]): Promise<void> {
    const { source, onProblem } = this.#options;
    const event: SqsEvent = { Records: messages.map((message) => sqsRecord(message, source.queueArn)) };
    const outcome = await this.#invoke(event);
    if (!outcome.ok) return onProblem?.({ kind: "invocation", error: outcome.error, messages });
    const failed = failedMessageIds(outcome.answer, new Set(event.Records.map((record) => record.messageId)));
    if (failed === "all") return onProblem?.({ kind: "answer", answer: outcome.answer, messages });
    const handled = event.Records.filter((record) => !failed.has(record.messageId));
    await this.#remove(handled.map((record) => record.receiptHandle));
  }

  /** Invokes, and again while the function is throttled, until the messages are about to come back by themselves. */
  async #invoke(event: SqsEvent): Promise<{ ok: true; answer: unknown } | { ok: false; error: InvocationError }> {
    const { clock, target } = this.#options;
    const visibleAgainAt = clock.monotonic() + this.#settings.visibilityTimeoutMs;
    let delayMs = THROTTLE_FIRST_DELAY_MS;
    for (;;) {
      try {
        return { ok: true, answer: await target.invoke(event) };
      } catch (error) {
        const failure = handlerError(error);
        const mayTryAgain = failure.failure === "throttled" && clock.monotonic() + delayMs < visibleAgainAt;
        if (!mayTryAgain || this.#stopping.signal.aborted) return { ok: false, error: failure };
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, THROTTLE_LAST_DELAY_MS);
      }
    }
  }

  async #remove(receiptHandles: readonly string[]): Promise<void> {
    for (let first = 0; first < receiptHandles.length; first += SQS_BATCH_LIMIT) {
      await this.#removeBatch(receiptHandles.slice(first, first + SQS_BATCH_LIMIT));
    }
  }

  async #removeBatch(receiptHandles: readonly string[]): Promise<void> {
    let left = receiptHandles;
    for (const delayMs of [...DELETE_DELAYS_MS, null]) {
      try {
        left = await this.#options.source.remove(left);
        if (left.length === 0) return;
        if (delayMs === null)
          this.#options.onProblem?.({ kind: "delete", error: `${left.length} entries were refused` });
      } catch (error) {
        if (delayMs === null) this.#options.onProblem?.({ kind: "delete", error });
      }
      if (delayMs !== null) await sleep(this.#options.clock, delayMs);
    }
  }

  /** Waits, but not beyond a stop. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stopping;
      const done = (): void => {
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.clock.after(delayMs, done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}
