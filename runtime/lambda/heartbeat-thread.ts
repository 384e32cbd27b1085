/**
 * Owns: a heart that beats on a thread of its own, one for each sandbox, so that synchronous user code cannot look like a
 * crash (PROTOCOL §2.5). What it has extended is read from shared memory: no message has to get through a blocked loop.
 */
import { Worker } from "node:worker_threads";
import type { Heart, OnWake, Receipt } from "../executor/heartbeat.js";
import { FIRST_BEAT_MS, LEASE_MS, VISIBILITY_BEYOND_LEASE_MS } from "../core/limits.js";
import { EventLoopHeart, setVisibility } from "../executor/heartbeat.js";
import type { Lease } from "../executor/lease.js";
import type { Services } from "../services.js";

export type ToHeart =
  | {
      do: "start";
      turn: number;
      runId: string;
      epoch: number;
      wakes: number;
      /** Ms since the claim was sent. */
      elapsedMs: number;
      receipt: Receipt;
      /** When the last granted beat was sent, as `process.hrtime` in ns: one clock for all threads of a process. */
      extended: BigInt64Array;
      /** 0 until either thread has taken it on itself to shorten the message's visibility. */
      firstBeat: Int32Array;
    }
  | { do: "stop"; turn: number };

export type FromHeart = { turn: number; is: "lost" } | { turn: number; is: "woken"; wakes: number };

/** The bundled thread, put in when the package is built. Unbuilt sources beat on the turn's own loop. */
declare const PERDURE_HEARTBEAT_WORKER: string | undefined;

interface Beating {
  lease: Lease;
  onWake: OnWake;
}

/** The heart for a worker's sandbox. */
export function sandboxHeart(services: Services): Heart {
  const source = typeof PERDURE_HEARTBEAT_WORKER === "string" ? PERDURE_HEARTBEAT_WORKER : null;
  return source === null ? new EventLoopHeart(services) : new ThreadHeart(services, source);
}

class ThreadHeart implements Heart {
  readonly #services: Services;
  readonly #source: string;
  readonly #beating = new Map<number, Beating>();
  #worker: Worker | null = null;
  #turns = 0;

  constructor(services: Services, source: string) {
    this.#services = services;
    this.#source = source;
  }

  start(lease: Lease, receipt: Receipt, onWake: OnWake): { stop(): Promise<void> } {
    const worker = (this.#worker ??= this.#startWorker());
    this.#turns += 1;
    const turn = this.#turns;
    const extended = new BigInt64Array(new SharedArrayBuffer(8));
    const firstBeat = new Int32Array(new SharedArrayBuffer(4));
    const { clock } = this.#services;
    lease.readExtension(() => {
      const sentNs = Atomics.load(extended, 0);
      return sentNs === 0n ? null : clock.monotonic() - Number(process.hrtime.bigint() - sentNs) / 1e6;
    });
    this.#beating.set(turn, { lease, onWake });
    const cancel = this.#firstBeatHere(turn, firstBeat, receipt);
    const { runId, epoch, wakes, ageMs: elapsedMs } = lease;
    this.#post(worker, { do: "start", turn, runId, epoch, wakes, elapsedMs, receipt, extended, firstBeat });
    return {
      // Not waited for: a beat that is on its way finds the lease given back (conditions.ts, BEATING) and changes nothing.
      stop: () => {
        cancel();
        if (this.#beating.delete(turn)) this.#post(worker, { do: "stop", turn });
        return Promise.resolve();
      },
    };
  }

  /** A thread that is still starting must not cost a cold sandbox's first turn its quick recovery: this loop beats first. */
  #firstBeatHere(turn: number, firstBeat: Int32Array, receipt: Receipt): () => void {
    return this.#services.clock.after(FIRST_BEAT_MS, () => {
      if (Atomics.compareExchange(firstBeat, 0, 0, 1) !== 0) return;
      setVisibility(this.#services, receipt, LEASE_MS + VISIBILITY_BEYOND_LEASE_MS).catch((error: unknown) => {
        // Once the turn is over its message is deleted, and nothing is left to shorten.
        if (this.#beating.has(turn)) this.#services.logger.warn("Cannot shorten a message's visibility now", error);
      });
    });
  }

  #post(worker: Worker, message: ToHeart): void {
    worker.postMessage(message);
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#source, { eval: true, name: "perdure-heartbeat" });
    // The thread must not keep a sandbox alive that has nothing else to do.
    worker.unref();
    worker.on("message", (message: FromHeart) => this.#hear(message));
    worker.on("error", (error) => {
      // Without a heart a lease simply runs out: the turns are lost and go on elsewhere. The next turn starts a new thread.
      this.#services.logger.error("The heartbeat thread died", error);
      this.#worker = null;
      this.#beating.clear();
    });
    return worker;
  }

  #hear(message: FromHeart): void {
    const beating = this.#beating.get(message.turn);
    if (message.is === "lost") beating?.lease.lose();
    else beating?.onWake(message.wakes);
  }
}
