/**
 * Owns: the only doors to time and chance. Everything that waits, dates or draws goes through these two interfaces, so
 * that the same code runs on the real clock (dev, AWS) and on a virtual one (tests, simulation).
 * Must not: be bypassed. `Date`, `setTimeout` and `Math.random` appear in this file and in `local/aws/virtual-clock.ts` only.
 */

/** Real work the clock cannot see (user code waiting for a socket). A virtual clock stands still while a hold is counted. */
export interface Hold {
  /** Runs `work` so that virtual waits made inside it suspend this hold instead of deadlocking against it. */
  run<T>(work: () => T): T;
  /** Counted from now on. A new hold starts paused. */
  resume(): void;
  /** Not counted until the next `resume`. */
  pause(): void;
}

export interface Clock {
  /** Wall time in milliseconds since 1970. May jump; never used to order history. */
  now(): number;
  /** Milliseconds that only grow, for deadlines within one process. */
  monotonic(): number;
  /** Calls back once, `delayMs` or more from now. The returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
  hold(): Hold;
}

export interface Random {
  /** A number in [0, 1). */
  unit(): number;
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
}

// Captured at load: a user's fake timers (vitest, sinon) must not stop the engine.
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: startImmediate } = globalThis;
const wallNow = Date.now.bind(Date);
const { performance } = globalThis;

/** setTimeout's own limit: a longer delay would fire at once (Node: "TimeoutOverflowWarning"), so it is cut into legs. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const noHold: Hold = { run: (work) => work(), resume: () => undefined, pause: () => undefined };

function startLongTimer(delayMs: number, callback: () => void): () => void {
  let remainingMs = Math.max(0, delayMs);
  let timer: ReturnType<typeof startTimer>;
  const leg = (): void => {
    const legMs = Math.min(remainingMs, MAX_TIMER_MS);
    remainingMs -= legMs;
    timer = startTimer(remainingMs > 0 ? leg : callback, legMs);
  };
  leg();
  return () => stopTimer(timer);
}

/** The machine's clock. */
export const realClock: Clock = {
  now: wallNow,
  monotonic: () => performance.now(),
  after: startLongTimer,
  hold: () => noHold,
};

/** The machine's randomness. */
export const realRandom: Random = {
  unit: () => {
    const [word = 0] = globalThis.crypto.getRandomValues(new Uint32Array(1));
    return word / 2 ** 32;
  },
  bytes: (count) => globalThis.crypto.getRandomValues(new Uint8Array(count)),
};

/** Resolves `delayMs` from now. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/**
 * Resolves once every microtask that is already due has run: native promise chains of any length have come to rest.
 * Code that waits for a timer or a socket has not.
 */
export function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    startImmediate(resolve);
  });
}

/** Loads a module while a virtual clock stands still: reading files is real work the clock cannot see. */
export async function whileLoading<T>(clock: Clock, load: () => Promise<T>): Promise<T> {
  const hold = clock.hold();
  hold.resume();
  try {
    return await load();
  } finally {
    hold.pause();
  }
}
