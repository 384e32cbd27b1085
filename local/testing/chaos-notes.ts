/**
 * Owns: what is noted of each trial against the undisturbed one, gathered by what was found rather than by where.
 * Must not: run anything.
 */
import type { Json } from "../../sdk/protocol.js";
import type {
  ChaosFindings,
  CrashPoint,
  EndDifference,
  IncomparableEnd,
  RepeatedStep,
  UnstableCode,
} from "./chaos-report.js";
import type { Trial } from "./chaos-trial.js";
import { cameTheSameWay, divergence, type Divergence } from "./divergence.js";
import { jsonDifferences } from "./json-differences.js";
import { PassTrace } from "./pass-trace.js";
import type { TestRun } from "./test-run.js";

export interface NotesOptions {
  idempotent: readonly string[];
  ignore: readonly string[];
}

type Ended = Pick<EndDifference, "functionId" | "what" | "path" | "expected" | "actual">;

/** All that differs between the end of a run and that of its counterpart. */
interface EndsApart {
  point: CrashPoint | null;
  differences: Ended[];
}

export class ChaosNotes {
  readonly #undisturbed: Trial;
  readonly #options: NotesOptions;
  readonly #repeated = new Map<string, RepeatedStep>();
  readonly #unstable = new Map<string, UnstableCode>();
  readonly #endsApart: EndsApart[] = [];

  constructor(undisturbed: Trial, options: NotesOptions) {
    this.#undisturbed = undisturbed;
    this.#options = options;
    this.#noteCode(undisturbed);
  }

  add(trial: Trial): void {
    this.#noteRepeats(trial);
    this.#noteCode(trial);
    for (const differences of endsApart(this.#undisturbed, trial)) {
      this.#endsApart.push({ point: trial.point, differences });
    }
  }

  /** `again` is a second undisturbed trial: what differs there differs by itself. */
  conclude(again: Trial): Omit<ChaosFindings, "trials" | "leftOut"> {
    this.#noteCode(again);
    const notCompared = endsApart(this.#undisturbed, again)
      .flat()
      .map(({ functionId, path }): IncomparableEnd => ({ functionId, path }));
    const differences = this.#differences(notCompared);
    const repeated = [...this.#repeated.values()];
    const unstable = [...this.#unstable.values()];
    return {
      ok: differences.length + repeated.length + unstable.length === 0,
      undisturbed: this.#undisturbed.runs.map(({ functionId, status, output, error }) => {
        return { functionId, status, output, error };
      }),
      differences,
      repeated,
      unstable,
      notCompared,
    };
  }

  #differences(notCompared: readonly IncomparableEnd[]): EndDifference[] {
    const found = new Map<string, EndDifference>();
    for (const { point, differences } of this.#endsApart) {
      const [first] = differences.filter((difference) => !notCompared.some((other) => covers(other, difference)));
      if (!first) continue;
      const key = JSON.stringify([first.functionId, first.what, first.path]);
      const known = found.get(key);
      if (known) known.points += 1;
      else found.set(key, { ...first, points: 1, first: point });
    }
    return [...found.values()];
  }

  /** Bodies that began more often than undisturbed, where they began as often as their attempts needed. */
  #noteRepeats({ bodies, point }: Trial): void {
    const { idempotent, ignore } = this.#options;
    const noted = new Set<string>();
    for (const body of bodies.all()) {
      const { functionId, stepId, times } = body;
      if (idempotent.includes(stepId) || ignore.includes(stepId)) continue;
      const undisturbedTimes = Math.max(1, this.#undisturbed.bodies.times(body));
      if (times <= undisturbedTimes) continue;
      const key = JSON.stringify([functionId, stepId]);
      const known = this.#repeated.get(key) ?? { functionId, stepId, times, undisturbedTimes, points: 0, first: point };
      this.#repeated.set(key, known);
      if (times > known.times) Object.assign(known, { times, undisturbedTimes });
      // A step that is asked for in a loop may have run again more than once at this point.
      if (!noted.has(key)) known.points += 1;
      noted.add(key);
    }
  }

  /** Each pass against the longest of its run, and that one against the undisturbed run's longest. */
  #noteCode(trial: Trial): void {
    const passes = this.#heeded(trial);
    const longest = longestByRun(passes);
    const undisturbed = longestByRun(this.#heeded(this.#undisturbed));
    const found = new Map<string, Divergence>();
    const note = (pass: PassTrace, one: Divergence | null): void => {
      // One for each function: where code leaves its way once, all that follows differs as well.
      if (one && !found.has(pass.functionId)) found.set(pass.functionId, one);
    };
    for (const pass of passes) {
      const other = longest.get(pass.runId);
      if (other && other !== pass) note(pass, divergence(other, pass));
    }
    for (const [runId, pass] of longest) {
      const before = undisturbed.get(runId);
      if (!before || trial === this.#undisturbed) continue;
      note(pass, divergence(before, pass) ?? this.#returnedOther(before, pass, trial));
    }
    for (const [functionId, one] of found) this.#noteDivergence(functionId, one, trial.point);
  }

  /** The passes without the steps of which nothing is to be said. */
  #heeded({ traces }: Trial): PassTrace[] {
    const { ignore } = this.#options;
    if (ignore.length === 0) return traces;
    return traces.map((trace) => trace.without(ignore));
  }

  #returnedOther(before: PassTrace, pass: PassTrace, trial: Trial): Divergence | null {
    if (!cameTheSameWay(before, pass)) return null;
    const output = (runs: readonly TestRun<Json>[]): Json => runs.find(({ id }) => id === pass.runId)?.output ?? null;
    const [first] = jsonDifferences("output", output(this.#undisturbed.runs), output(trial.runs));
    if (!first) return null;
    const said = (value: Json | undefined): string => `returned ${first.path} ${JSON.stringify(value) ?? "absent"}`;
    return { was: said(first.expected), is: said(first.actual) };
  }

  #noteDivergence(functionId: string, one: Divergence, point: CrashPoint | null): void {
    const known = this.#unstable.get(functionId);
    if (!known) this.#unstable.set(functionId, { functionId, ...one, points: point ? 1 : 0, first: point });
    else if (point) known.points += 1;
    // Two undisturbed runs say it best.
    else Object.assign(known, { ...one, first: null });
  }
}

function longestByRun(traces: readonly PassTrace[]): Map<string, PassTrace> {
  const longest = new Map<string, PassTrace>();
  for (const trace of traces) {
    const known = longest.get(trace.runId);
    const isLonger =
      known === undefined ||
      trace.entries.length > known.entries.length ||
      (trace.entries.length === known.entries.length && trace.hasReturned);
    if (isLonger) longest.set(trace.runId, trace);
  }
  return longest;
}

function covers({ functionId, path }: IncomparableEnd, difference: Ended): boolean {
  if (functionId !== difference.functionId) return false;
  const rest = difference.path.startsWith(path) ? difference.path.slice(path.length) : null;
  return rest !== null && (rest === "" || rest.startsWith(".") || rest.startsWith("["));
}

/** For each run, what differs. Runs are counterparts by id, or else by their place among their function's. */
function endsApart(undisturbed: Trial, trial: Trial): Ended[][] {
  const byId = new Map(trial.runs.map((run) => [run.id, run]));
  const unmatched = undisturbed.runs.filter(({ id }) => !byId.has(id));
  const known = new Set(undisturbed.runs.map(({ id }) => id));
  const others = trial.runs.filter(({ id }) => !known.has(id));
  const counterpart = (expected: TestRun<Json>): TestRun<Json> | undefined => {
    const same = byId.get(expected.id);
    if (same) return same;
    const place = others.findIndex(({ functionId }) => functionId === expected.functionId);
    return place < 0 ? undefined : others.splice(place, 1)[0];
  };
  const matched = undisturbed.runs.filter((run) => !unmatched.includes(run));
  const compared = [...matched, ...unmatched].map((expected) => differencesOf(expected, counterpart(expected)));
  const extra = others.map((run): Ended[] => [
    { functionId: run.functionId, what: "extra run", path: "run", expected: undefined, actual: endOf(run) },
  ]);
  return [...compared, ...extra].filter((differences) => differences.length > 0);
}

function differencesOf(expected: TestRun<Json>, actual: TestRun<Json> | undefined): Ended[] {
  const { functionId } = expected;
  if (!actual) return [{ functionId, what: "missing run", path: "run", expected: endOf(expected), actual: undefined }];
  if (expected.status !== actual.status) {
    return [{ functionId, what: "status", path: "status", expected: expected.status, actual: actual.status }];
  }
  const errors = jsonDifferences("error", errorOf(expected), errorOf(actual));
  const outputs = jsonDifferences("output", expected.output, actual.output);
  return [
    ...errors.map((difference): Ended => ({ functionId, what: "error", ...difference })),
    ...outputs.map((difference): Ended => ({ functionId, what: "output", ...difference })),
  ];
}

/** Without the stack, which names lines and not what happened. */
function errorOf({ error }: TestRun<Json>): Json {
  return error === null ? null : { name: error.name, message: error.message };
}

function endOf(run: TestRun<Json>): Json {
  return { status: run.status, output: run.output, error: errorOf(run) };
}
