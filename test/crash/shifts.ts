/**
 * Owns: who was at work at once, as the rule of concurrency limits counts it: a body counts from its begin to its end, or to
 * the moment in which its run's lease is another's or over, whichever comes first. What a zombie does afterwards is its own.
 * Must not: judge; checks.ts does.
 */
import { isLive, type RunHead } from "../../runtime/core/run.js";

/** A limit of a program, and who counts for it. */
export interface ProgramLimit {
  most: number;
  /** "bodies": of steps at work. "runs": that have begun and not ended. "branches": bodies without a lease. */
  counts: "bodies" | "runs" | "branches";
  functions: readonly string[];
  /** Steps whose id ends so; all of them when absent. */
  ending?: string;
  /** Bodies are told to stop when their run has taken so long, and count no more: their sandbox is ended with its invocation. */
  stoppedAfterMs?: number;
}

/** A body as it began. */
export interface Shift {
  runId: string;
  step: string;
  atMs: number;
  /** When it is done, should nothing befall it. */
  untilMs: number;
  epoch: number;
}

type Mark = Pick<RunHead, "epoch" | "leaseUntilMs" | "status" | "functionId" | "startedAtMs"> & { atMs: number };

export class Shifts {
  readonly #marks = new Map<string, Mark[]>();

  /** A head was written, and is this now. */
  note(head: RunHead, atMs: number): void {
    const { runId, epoch, leaseUntilMs, status, functionId, startedAtMs } = head;
    const marks = this.#marks.get(runId) ?? [];
    marks.push({ atMs, epoch, leaseUntilMs, status, functionId, startedAtMs });
    this.#marks.set(runId, marks);
  }

  /** The most that counted for a limit at one moment. */
  most(limit: ProgramLimit, bodies: readonly Shift[]): number {
    const counted = bodies.filter(({ runId, step }) => {
      const [mark] = this.#marks.get(runId) ?? [];
      return mark !== undefined && limit.functions.includes(mark.functionId) && step.endsWith(limit.ending ?? "");
    });
    const spans = limit.counts === "runs" ? this.#runs(counted) : counted.map((body) => this.#span(body, limit));
    const edges = spans.flatMap(({ fromMs, toMs }) =>
      toMs > fromMs
        ? [
            { atMs: fromMs, by: 1 },
            { atMs: toMs, by: -1 },
          ]
        : [],
    );
    // Of two at one moment, who ends goes first: his place may have been given on.
    edges.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
    let now = 0;
    return edges.reduce((most, { by }) => Math.max(most, (now += by)), 0);
  }

  #span(body: Shift, { counts, stoppedAfterMs }: ProgramLimit): { fromMs: number; toMs: number } {
    if (counts === "branches") return { fromMs: body.atMs, toMs: body.untilMs };
    const startedAtMs = this.#marks.get(body.runId)?.findLast(({ atMs }) => atMs <= body.atMs)?.startedAtMs ?? 0;
    const stoppedAtMs = stoppedAfterMs === undefined ? Number.POSITIVE_INFINITY : startedAtMs + stoppedAfterMs;
    return { fromMs: body.atMs, toMs: Math.min(body.untilMs, stoppedAtMs, this.#leaseOf(body)) };
  }

  /** When the lease under which a body began was given up, taken over, ended by a cancel, or over. */
  #leaseOf({ runId, atMs, epoch }: Shift): number {
    const marks = this.#marks.get(runId) ?? [];
    let leaseUntilMs = marks.findLast((mark) => mark.atMs <= atMs && mark.epoch === epoch)?.leaseUntilMs ?? 0;
    for (const mark of marks) {
      if (mark.atMs < atMs) continue;
      if (mark.atMs > leaseUntilMs) break;
      if (mark.epoch > epoch || !isLive(mark.status) || mark.leaseUntilMs < leaseUntilMs) return mark.atMs;
      leaseUntilMs = mark.leaseUntilMs;
    }
    return leaseUntilMs;
  }

  /** From each run's first body to its end. */
  #runs(bodies: readonly Shift[]): { fromMs: number; toMs: number }[] {
    const first = new Map<string, number>();
    for (const { runId, atMs } of bodies) first.set(runId, Math.min(first.get(runId) ?? atMs, atMs));
    return [...first].map(([runId, fromMs]) => {
      const end = this.#marks.get(runId)?.find(({ status }) => !isLive(status));
      return { fromMs, toMs: end?.atMs ?? Number.POSITIVE_INFINITY };
    });
  }
}
