/**
 * Owns: what each run has cost at list price: the calls the ledger attributes to it, and the invocations made for it.
 * Must not: count what is shared: accepting and routing an event belongs to no run, nor does an idle mapping.
 */
import { priceOf } from "../aws/ledger.js";
import type { Ledger } from "../aws/ledger.js";
import type { InvocationReport } from "../lambda/lambda-function.js";
import { runOfBody } from "./run-attribution.js";

/** us-east-1, arm64 (aws.amazon.com/lambda/pricing, read November 2026): a request, and a GB-second. */
const USD_PER_INVOCATION = 0.2e-6;
const USD_PER_GB_SECOND = 13.3334e-6;
/** Runs remembered; the oldest is forgotten first. */
const MAX_RUNS = 10_000;

export interface RunCost {
  usd: number;
  writes: number;
  reads: number;
  messages: number;
  invocations: number;
}

interface Compute {
  invocations: number;
  gbSeconds: number;
}

export class RunCosts {
  readonly #ledger: Ledger;
  readonly #compute = new Map<string, Compute>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** An invocation for a batch is shared evenly by the runs in it. */
  record(report: InvocationReport): void {
    const runs = runsOfEvent(report.event);
    for (const run of runs) {
      const compute = this.#computeOf(run);
      compute.invocations += 1 / runs.length;
      compute.gbSeconds += ((report.durationMs / 1000) * (report.memoryMb / 1024)) / runs.length;
    }
  }

  of(runId: string): RunCost {
    const units = this.#ledger.run(runId)?.units;
    const compute = this.#compute.get(runId) ?? { invocations: 0, gbSeconds: 0 };
    const computeUsd = compute.invocations * USD_PER_INVOCATION + compute.gbSeconds * USD_PER_GB_SECOND;
    return {
      usd: computeUsd + (units === undefined ? 0 : priceOf(units)),
      writes: (units?.writeUnits ?? 0) + (units?.indexWriteUnits ?? 0),
      reads: units?.readUnits ?? 0,
      messages: units?.sqsRequests ?? 0,
      invocations: compute.invocations,
    };
  }

  #computeOf(run: string): Compute {
    const known = this.#compute.get(run);
    if (known !== undefined) return known;
    if (this.#compute.size >= MAX_RUNS)
      for (const oldest of [...this.#compute.keys()].slice(0, 1)) this.#compute.delete(oldest);
    const compute = { invocations: 0, gbSeconds: 0 };
    this.#compute.set(run, compute);
    return compute;
  }
}

/** The runs whose wakes an invocation was given. */
export function runsOfEvent(event: unknown): string[] {
  const hasRecords = typeof event === "object" && event !== null && "Records" in event && Array.isArray(event.Records);
  const records: unknown[] = hasRecords && Array.isArray(event.Records) ? event.Records : [];
  return records.flatMap((record) =>
    typeof record === "object" && record !== null && "body" in record ? runOfBody(record.body) : [],
  );
}
