/**
 * Owns: the count of every call with the units AWS would bill, by caller and operation and, where a call can be attributed,
 * by run; and the price of units. Cost in tests, in `dev` and in the benches is read from here.
 * Must not: estimate. What no model metered costs nothing here (Lambda and API Gateway are counted where they are played).
 */
import type { AwsCall } from "./call.js";
import type { Output, ServiceName, Units } from "./model.js";

export type UnitTotals = Required<Units>;

export interface Tally {
  /** API calls, refused ones included. */
  calls: number;
  units: UnitTotals;
}

export interface LedgerRow extends Tally {
  caller: string;
  service: ServiceName;
  operation: string;
}

/** A place in the ledger to count from. */
export type LedgerMark = ReadonlyMap<string, Tally>;

/** The run, or the runs (units are shared evenly), that a call was made for. `output` is undefined when it was refused. */
export type Attribution = (call: AwsCall, output: Output | undefined) => string | readonly string[] | undefined;

/**
 * US dollars for one unit: us-east-1, list prices, no free tier (the AWS price pages of DynamoDB on-demand, SQS standard,
 * EventBridge Scheduler and S3 Standard, read November 2026: 0.625, 0.125, 0.40, 1.00, 5.00 and 0.40 dollars a million).
 */
const USD_PER_UNIT: UnitTotals = {
  writeUnits: 0.625e-6,
  indexWriteUnits: 0.625e-6,
  readUnits: 0.125e-6,
  sqsRequests: 0.4e-6,
  s3Puts: 5e-6,
  s3Gets: 0.4e-6,
  scheduleInvocations: 1e-6,
};

/** The units by name. Checked against `Units` by its type; a loop over it needs no Object.keys. */
const UNITS = [
  "writeUnits",
  "indexWriteUnits",
  "readUnits",
  "sqsRequests",
  "s3Puts",
  "s3Gets",
  "scheduleInvocations",
] as const satisfies readonly (keyof Units)[];

/** Runs remembered one by one; the oldest is forgotten first. A dev server may run for weeks. */
const MAX_RUNS = 10_000;

/** The sum of two reports of one call. */
export function addUnits(a: Units, b: Units): Units {
  const sum: Units = { ...a };
  for (const unit of UNITS) {
    const more = b[unit];
    if (more !== undefined) sum[unit] = (sum[unit] ?? 0) + more;
  }
  return sum;
}

/** The list price of these units in US dollars. */
export function priceOf(units: Units): number {
  let usd = 0;
  for (const unit of UNITS) usd += (units[unit] ?? 0) * USD_PER_UNIT[unit];
  return usd;
}

export class Ledger {
  readonly #rows = new Map<string, LedgerRow>();
  readonly #runs = new Map<string, Tally>();
  #attribute: Attribution | undefined;

  /** Says from now on which run a call belongs to. */
  attributeBy(attribute: Attribution): void {
    this.#attribute = attribute;
  }

  record(call: AwsCall, units: Units, output: Output | undefined): void {
    const key = `${call.caller.name} ${call.service} ${call.operation}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { caller: call.caller.name, service: call.service, operation: call.operation, ...emptyTally() };
      this.#rows.set(key, row);
    }
    addTo(row, 1, units, 1);
    if (this.#attribute !== undefined) this.#recordRuns(this.#attribute(call, output), units);
  }

  /** Every (caller, service, operation) with its count, in order of first call. */
  rows(): LedgerRow[] {
    return [...this.#rows.values()].map((row) => ({ ...row, units: { ...row.units } }));
  }

  total(): Tally {
    return sumOf(this.#rows.values());
  }

  mark(): LedgerMark {
    return new Map([...this.#rows].map(([key, row]) => [key, { calls: row.calls, units: { ...row.units } }]));
  }

  /** What was counted since the mark: the sum, and the rows that grew. */
  since(mark: LedgerMark): Tally & { rows: LedgerRow[] } {
    const rows: LedgerRow[] = [];
    for (const [key, row] of this.#rows) {
      const before = mark.get(key);
      const grown: LedgerRow = { ...row, units: { ...row.units } };
      if (before !== undefined) addTo(grown, -before.calls, before.units, -1);
      if (grown.calls > 0) rows.push(grown);
    }
    return { ...sumOf(rows), rows };
  }

  /** What a run has cost so far, or undefined when nothing was attributed to it. Calls may be fractions: shared batches. */
  run(runId: string): Tally | undefined {
    const tally = this.#runs.get(runId);
    return tally === undefined ? undefined : { calls: tally.calls, units: { ...tally.units } };
  }

  #recordRuns(attributed: string | readonly string[] | undefined, units: Units): void {
    if (attributed === undefined) return;
    const runIds = typeof attributed === "string" ? [attributed] : attributed;
    for (const runId of runIds) addTo(this.#runTally(runId), 1 / runIds.length, units, 1 / runIds.length);
  }

  #runTally(runId: string): Tally {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    if (this.#runs.size >= MAX_RUNS) {
      const [oldest] = this.#runs.keys();
      if (oldest !== undefined) this.#runs.delete(oldest);
    }
    const tally = emptyTally();
    this.#runs.set(runId, tally);
    return tally;
  }
}

function emptyTally(): Tally {
  return {
    calls: 0,
    units: {
      writeUnits: 0,
      indexWriteUnits: 0,
      readUnits: 0,
      sqsRequests: 0,
      s3Puts: 0,
      s3Gets: 0,
      scheduleInvocations: 0,
    },
  };
}

function sumOf(tallies: Iterable<Tally>): Tally {
  const sum = emptyTally();
  for (const tally of tallies) addTo(sum, tally.calls, tally.units, 1);
  return sum;
}

function addTo(tally: Tally, calls: number, units: Units, share: number): void {
  tally.calls += calls;
  for (const unit of UNITS) {
    const counted = units[unit];
    if (counted !== undefined) tally.units[unit] += counted * share;
  }
}
