/**
 * Owns: time that moves only when told to. Months pass in milliseconds; what is due fires one at a time, in order, and
 * everything it caused comes to rest before the next.
 * Must not: fire a timer while work of the present instant is still going on.
 *
 * I1 Time never moves while a hold is counted: real work (a user's socket) is taking its real time.
 * I2 At rest means: no hold counted, and two turns of the event loop in a row in which nobody made a timer, called AWS or
 *    changed a hold. Promise chains of any length run inside one turn; two cover code that hops through one `setImmediate`.
 * I3 Timers due at the same time fire in the order they were made, or, with `tieBreak`, in an order drawn by seed.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { Clock, Hold, Random } from "../../sdk/clock.js";
import { clockAlreadyAdvancing, clockInPast, clockLimitReached, clockNeverSettles } from "./errors.js";
import { TimerHeap, type Timer } from "./timer-heap.js";

export interface VirtualClockOptions {
  /** Where time begins, ms since 1970. */
  startMs?: number;
  /** Draws the order of timers that are due at the same millisecond. Without it: the order in which they were made. */
  tieBreak?: Random;
}

interface HeldTimer extends Timer {
  readonly hold: CountedHold | undefined;
  readonly scope: AsyncResource;
}

/** 2026-01-01T00:00:00Z: a fixed beginning, so that a test that prints times prints the same ones for ever. */
const DEFAULT_START_MS = 1_767_225_600_000;
/** Bounds that only a runaway loop reaches. Beyond them the clock says so instead of hanging the test. */
const MAX_TURNS_OF_ONE_SETTLE = 1_000_000;
const MAX_TIMERS_OF_ONE_INSTANT = 200_000;
const QUIET_TURNS = 2;

/** Captured at load: a test's fake timers must not stop the clock. */
const { setImmediate: startTurn } = globalThis;

const currentHold = new AsyncLocalStorage<CountedHold>();

class CountedHold implements Hold {
  #resumed = false;
  #pendingTimers = 0;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get counted(): boolean {
    return this.#resumed && this.#pendingTimers === 0;
  }

  run<T>(work: () => T): T {
    return currentHold.run(this, work);
  }

  resume(): void {
    this.#resumed = true;
    this.#changed();
  }

  pause(): void {
    this.#resumed = false;
    this.#changed();
  }

  timerMade(): void {
    this.#pendingTimers += 1;
    this.#changed();
  }

  timerGone(): void {
    this.#pendingTimers -= 1;
    this.#changed();
  }
}

export class VirtualClock implements Clock {
  readonly #startMs: number;
  readonly #tieBreak: Random | undefined;
  readonly #timers = new TimerHeap<HeldTimer>();
  readonly #countedHolds = new Set<CountedHold>();
  #nowMs: number;
  #sequence = 0;
  /** Grows with everything that shows that work is going on. */
  #activity = 0;
  #advancing = false;
  #releaseWaiters: (() => void)[] = [];

  constructor(options: VirtualClockOptions = {}) {
    this.#startMs = options.startMs ?? DEFAULT_START_MS;
    this.#nowMs = this.#startMs;
    this.#tieBreak = options.tieBreak;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  /** Timers that will still fire. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, or null when nothing waits for time. */
  nextTimerMs(): number | null {
    return this.#timers.peek()?.atMs ?? null;
  }

  /** Something happened: settling starts to count its quiet turns anew. */
  touch(): void {
    this.#activity += 1;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.touch();
    const hold = currentHold.getStore();
    const sequence = this.#sequence++;
    const timer: HeldTimer = {
      // Whole milliseconds, rounded up as "or more from now" asks; NaN and negative delays are due at once.
      atMs: this.#nowMs + (delayMs > 0 ? Math.ceil(delayMs) : 0),
      order: this.#tieBreak?.unit() ?? 0,
      sequence,
      callback,
      hold,
      // As with the machine's timers, the callback sees the async context in which the timer was made.
      scope: new AsyncResource("VirtualTimer"),
    };
    this.#timers.add(timer);
    hold?.timerMade();
    return () => {
      if (timer.callback === undefined) return;
      this.#timers.cancel(timer);
      hold?.timerGone();
    };
  }

  /**
   * As `after`, for timers of the world itself (a schedule that will fire): they belong to no hold, even when a call from
   * inside one makes them. Else a step that created a schedule would count as waiting until it fires.
   */
  afterUnheld(delayMs: number, callback: () => void): () => void {
    return currentHold.exit(() => this.after(delayMs, callback));
  }

  hold(): Hold {
    const hold: CountedHold = new CountedHold(() => {
      this.touch();
      if (hold.counted) this.#countedHolds.add(hold);
      else if (this.#countedHolds.delete(hold) && this.#countedHolds.size === 0) this.#released();
    });
    return hold;
  }

  /** Resolves when the present instant has come to rest (I2). Fires nothing. */
  async settle(): Promise<void> {
    let quietTurns = 0;
    for (let turn = 0; turn < MAX_TURNS_OF_ONE_SETTLE; turn += 1) {
      if (this.#countedHolds.size > 0) {
        await this.#allReleased();
        quietTurns = 0;
      }
      const before = this.#activity;
      await new Promise<void>((resolve) => startTurn(resolve));
      quietTurns = this.#activity === before && this.#countedHolds.size === 0 ? quietTurns + 1 : 0;
      if (quietTurns === QUIET_TURNS) return;
    }
    throw clockNeverSettles({ nowMs: this.#nowMs, bound: MAX_TURNS_OF_ONE_SETTLE, what: "turns of the event loop" });
  }

  /** Lets `ms` pass. Resolves at rest, with everything fired that became due. */
  advance(ms: number): Promise<void> {
    return this.advanceTo(this.#nowMs + ms);
  }

  /** Lets time pass until `targetMs`. */
  async advanceTo(targetMs: number): Promise<void> {
    if (!Number.isFinite(targetMs) || targetMs < this.#nowMs) throw clockInPast({ targetMs, nowMs: this.#nowMs });
    await this.#exclusively(targetMs, async () => {
      await this.#fireWhile((nextMs) => nextMs <= targetMs);
      this.#nowMs = targetMs;
    });
  }

  /**
   * Lets time pass, timer by timer, until `promise` settles, and answers as it does. Stands at the time at which it settled.
   * Fails when `limitMs` go by first, or when no timer is left that could help.
   */
  async advanceUntil<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const limit = this.#nowMs + limitMs;
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.#exclusively(limit, () => this.#fireWhile((nextMs) => !settled && nextMs <= limit));
    if (!settled) throw clockLimitReached({ limitMs });
    return promise;
  }

  async #exclusively(targetMs: number, work: () => Promise<void>): Promise<void> {
    if (this.#advancing) throw clockAlreadyAdvancing({ targetMs });
    this.#advancing = true;
    try {
      await work();
    } finally {
      this.#advancing = false;
    }
  }

  async #fireWhile(wanted: (nextMs: number) => boolean): Promise<void> {
    let firedAtThisInstant = 0;
    for (;;) {
      await this.settle();
      const next = this.#timers.peek();
      if (next === undefined || !wanted(next.atMs)) return;
      firedAtThisInstant = next.atMs === this.#nowMs ? firedAtThisInstant + 1 : 0;
      if (firedAtThisInstant > MAX_TIMERS_OF_ONE_INSTANT) {
        throw clockNeverSettles({ nowMs: this.#nowMs, bound: MAX_TIMERS_OF_ONE_INSTANT, what: "timers" });
      }
      this.#fireNext();
    }
  }

  #fireNext(): void {
    const timer = this.#timers.take();
    const callback = timer?.callback;
    if (timer === undefined || callback === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback = undefined;
    this.touch();
    timer.hold?.timerGone();
    timer.scope.runInAsyncScope(callback);
  }

  #allReleased(): Promise<void> {
    return new Promise((resolve) => {
      this.#releaseWaiters.push(resolve);
    });
  }

  #released(): void {
    const waiters = this.#releaseWaiters;
    this.#releaseWaiters = [];
    for (const wake of waiters) wake();
  }
}
