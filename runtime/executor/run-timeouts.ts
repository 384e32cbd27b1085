/**
 * Owns: whether a run is late, by the timeouts of its function: begun too late, or not ended in time.
 * Must not: wake anybody. A run that is parked is woken for its end by the timer that is armed at a park anyway, for whichever
 * time comes first: a run that ends in time has paid for no timer of its own.
 */
import type { SerializedError, TimeoutsConfig } from "../../sdk/protocol.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { finishTimedOut, reasonOf, startTimedOut } from "./cancel-reasons.js";

/** No turn lasts longer: Lambda's own limit, and a little. What is further off is looked at when a turn begins. */
const LONGEST_TURN_MS = 16 * 60_000;

type Dates = Pick<RunHead, "runId" | "createdAtMs" | "startedAtMs" | "notBeforeMs">;

export class RunTimeouts {
  readonly #clock: Services["clock"];
  readonly #head: Dates;
  readonly #config: TimeoutsConfig;
  readonly #over = new AbortController();
  readonly #cancel: () => void;

  constructor({ clock }: Pick<Services, "clock">, head: Dates, config: TimeoutsConfig = {}) {
    this.#clock = clock;
    this.#head = head;
    this.#config = config;
    const leftMs = (this.finishAtMs ?? Number.POSITIVE_INFINITY) - clock.now();
    this.#cancel =
      leftMs <= LONGEST_TURN_MS ? clock.after(Math.max(0, leftMs), () => this.#over.abort("timeout")) : () => undefined;
  }

  /** When the run must have ended, ms since 1970; null when it may take as long as it likes. */
  get finishAtMs(): number | null {
    const { finishMs } = this.#config;
    const { startedAtMs, createdAtMs, notBeforeMs } = this.#head;
    // A run whose event lies in the future is looked at before it begins.
    return finishMs === undefined ? null : Math.max(startedAtMs ?? createdAtMs, notBeforeMs ?? 0) + finishMs;
  }

  /** When the run must have begun, ms since 1970; null when it may be begun whenever there is room. */
  get startAtMs(): number | null {
    const { startMs } = this.#config;
    const { createdAtMs, notBeforeMs } = this.#head;
    return startMs === undefined ? null : Math.max(createdAtMs, notBeforeMs ?? 0) + startMs + 1;
  }

  /** Aborts with reason "timeout" when the run's time is up while its turn is under way. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Why the run is to be cancelled before anything of it runs; null when it is not. */
  startReason(): SerializedError | null {
    const { startMs } = this.#config;
    const { runId, createdAtMs, startedAtMs, notBeforeMs } = this.#head;
    const waitedMs = (startedAtMs ?? createdAtMs) - Math.max(createdAtMs, notBeforeMs ?? 0);
    if (startMs === undefined || waitedMs <= startMs) return null;
    return reasonOf(startTimedOut({ runId, waitedMs, limitMs: startMs }));
  }

  /** Why the run is to be cancelled now; null when there is time left. */
  finishReason(): SerializedError | null {
    const { finishAtMs } = this;
    if (finishAtMs === null || this.#clock.now() < finishAtMs) return null;
    return reasonOf(finishTimedOut({ runId: this.#head.runId, limitMs: this.#config.finishMs ?? 0 }));
  }

  /** The earlier of a time and the run's own. */
  earlier(nextMs: number | null): number | null {
    const { finishAtMs } = this;
    return nextMs === null || finishAtMs === null ? (nextMs ?? finishAtMs) : Math.min(nextMs, finishAtMs);
  }

  close(): void {
    this.#cancel();
  }
}
