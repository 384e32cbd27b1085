/**
 * Owns: waiting until a queue may have something to receive. A wait costs one timer, for the next message known to become
 * visible, and none when the queue is empty: an idle event source mapping must not cost 260,000 timers a month.
 * Must not: receive. Who wakes looks for itself, and may find that another took the message.
 */
import type { Clock } from "../../sdk/clock.js";

export interface WatchedQueues {
  /** The earliest time at which a message of the queue can be received, or null when it has none. */
  nextVisibleAtMs(queueUrl: string): number | null;
  onSend(listener: (queueUrl: string) => void): () => void;
}

export interface WaitBounds {
  /** Wake at this time at the latest. Null: no bound. */
  untilMs: number | null;
  signals: readonly (AbortSignal | undefined)[];
}

export class QueueWatch {
  readonly #queues: WatchedQueues;
  readonly #clock: Clock;
  readonly #wakesByQueue = new Map<string, Set<() => void>>();

  constructor(queues: WatchedQueues, clock: Clock) {
    this.#queues = queues;
    this.#clock = clock;
    queues.onSend((queueUrl) => {
      // Resolving runs nobody's code before the model's own call has ended: waiters go on in a microtask.
      for (const wake of this.#wakesByQueue.get(queueNameOf(queueUrl)) ?? []) wake();
    });
  }

  hasVisible(queueUrl: string): boolean {
    const nextMs = this.#queues.nextVisibleAtMs(queueUrl);
    return nextMs !== null && nextMs <= this.#clock.now();
  }

  /** Resolves when a message was sent or becomes visible, at `untilMs`, or when a signal aborts. */
  whenVisible(queueUrl: string, bounds: WaitBounds): Promise<void> {
    const nextMs = this.#queues.nextVisibleAtMs(queueUrl);
    const wakeMs = nextMs === null ? bounds.untilMs : Math.min(nextMs, bounds.untilMs ?? nextMs);
    return this.#wait(queueUrl, wakeMs, bounds.signals);
  }

  /** Resolves when a message was sent, at `untilMs`, or when a signal aborts. */
  whenSent(queueUrl: string, untilMs: number, signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    return this.#wait(queueUrl, untilMs, signals);
  }

  #wait(queueUrl: string, wakeMs: number | null, signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    return new Promise((resolve) => {
      const wakes = this.#wakesOf(queueUrl);
      const wake = (): void => {
        wakes.delete(wake);
        cancelTimer?.();
        for (const signal of signals) signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancelTimer = wakeMs === null ? undefined : this.#clock.after(wakeMs - this.#clock.now(), wake);
      wakes.add(wake);
      for (const signal of signals) signal?.addEventListener("abort", wake);
      if (signals.some((signal) => signal?.aborted)) wake();
    });
  }

  #wakesOf(queueUrl: string): Set<() => void> {
    const name = queueNameOf(queueUrl);
    const known = this.#wakesByQueue.get(name);
    if (known !== undefined) return known;
    const wakes = new Set<() => void>();
    this.#wakesByQueue.set(name, wakes);
    return wakes;
  }
}

function queueNameOf(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf("/") + 1);
}
