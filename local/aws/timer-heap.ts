/**
 * Owns: the order in which virtual timers fire: by time, then by `order` (insertion order, or a draw under an adversary),
 * then by insertion. A binary heap in one array; a cancelled timer stays in until it surfaces or until most are cancelled.
 * Must not: know a clock.
 */

export interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly sequence: number;
  /** Undefined once fired or cancelled. */
  callback: (() => void) | undefined;
}

/** Below this size a heap full of cancelled timers is not worth cleaning. */
const SMALL_HEAP = 1_024;

function isBefore(a: Timer, b: Timer): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.order !== b.order) return a.order < b.order;
  return a.sequence < b.sequence;
}

export class TimerHeap<T extends Timer> {
  #timers: T[] = [];
  #live = 0;

  /** Timers that will still fire. */
  get size(): number {
    return this.#live;
  }

  add(timer: T): void {
    this.#live += 1;
    this.#timers.push(timer);
    this.#rise(this.#timers.length - 1);
  }

  /** Cancels a timer that is in the heap. */
  cancel(timer: T): void {
    timer.callback = undefined;
    this.#live -= 1;
    if (this.#timers.length > SMALL_HEAP && this.#live * 2 < this.#timers.length) this.#clean();
  }

  /** The timer that fires next. */
  peek(): T | undefined {
    for (;;) {
      const first = this.#timers[0];
      if (first === undefined || first.callback !== undefined) return first;
      this.#removeFirst();
    }
  }

  /** Takes the timer that fires next. */
  take(): T | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    this.#removeFirst();
    this.#live -= 1;
    return first;
  }

  #clean(): void {
    // A sorted array is a heap.
    this.#timers = this.#timers.filter((timer) => timer.callback !== undefined);
    this.#timers.sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #removeFirst(): void {
    const last = this.#timers.pop();
    if (last === undefined || this.#timers.length === 0) return;
    this.#timers[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    const timers = this.#timers;
    const timer = timers[from];
    if (timer === undefined) return;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = timers[parentIndex];
      if (parent === undefined || !isBefore(timer, parent)) break;
      timers[index] = parent;
      index = parentIndex;
    }
    timers[index] = timer;
  }

  #sink(): void {
    const timers = this.#timers;
    const timer = timers[0];
    if (timer === undefined) return;
    let index = 0;
    for (;;) {
      let childIndex = index * 2 + 1;
      let child = timers[childIndex];
      if (child === undefined) break;
      const right = timers[childIndex + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (!isBefore(child, timer)) break;
      timers[index] = child;
      index = childIndex;
    }
    timers[index] = timer;
  }
}
