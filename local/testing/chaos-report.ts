/** Owns: what a search for crash points comes to, as plain data and as text for a terminal. Must not: search. */
import type { Json, SerializedError } from "../../sdk/protocol.js";
import type { RunStatus } from "../../runtime/core/run.js";

/** One call to AWS and how it went wrong. */
export interface CrashPoint {
  /** The caller died before the call was applied, or just after; or it was applied and the answer was lost. */
  fault: "crash-before" | "crash-after" | "lost";
  /** Place among the calls of worker and dispatch, 1 first. */
  call: number;
  caller: string;
  operation: string;
  /** The step whose body had begun last. */
  afterBody: string | null;
}

/** A finding is made at several points, as a rule; `first` is one to begin with. */
interface Found {
  functionId: string;
  points: number;
  /** Null: no fault was needed. */
  first: CrashPoint | null;
}

/** A run that did not end as the undisturbed one did. */
export interface EndDifference extends Found {
  what: "status" | "output" | "error" | "missing run" | "extra run";
  /** The first place that differs, such as `output.total`. */
  path: string;
  expected: Json | undefined;
  actual: Json | undefined;
}

/** A step whose body began again although its attempts did not ask for it: it must be idempotent. */
export interface RepeatedStep extends Found {
  stepId: string;
  /** Body starts in one run, at most; and undisturbed, where some attempts may fail. */
  times: number;
  undisturbedTimes: number;
}

/** Code that did something else when it was shown the same. */
export interface UnstableCode extends Found {
  was: string;
  is: string;
}

/** What differs between two undisturbed runs, so that it says nothing of a crash. */
export interface IncomparableEnd {
  functionId: string;
  path: string;
}

export interface UndisturbedRun {
  functionId: string;
  status: RunStatus;
  output: Json;
  error: SerializedError | null;
}

export interface ChaosFindings {
  /** Nothing was found. */
  ok: boolean;
  trials: number;
  /** Crash points that `maxTrials` left out, spread evenly. */
  leftOut: number;
  undisturbed: UndisturbedRun[];
  differences: EndDifference[];
  /** Without those declared idempotent. */
  repeated: RepeatedStep[];
  unstable: UnstableCode[];
  notCompared: IncomparableEnd[];
}

/** Plain data, and readable: `console.log(report.toString())`. */
export interface ChaosReport extends ChaosFindings {
  toString(): string;
}

/** The method is not a member of the data: a report equals its own JSON. */
export function makeReport(findings: ChaosFindings): ChaosReport {
  return Object.defineProperty({ ...findings }, "toString", { value: () => reportText(findings), enumerable: false });
}

function reportText(findings: ChaosFindings): string {
  const { ok, trials, leftOut, undisturbed, differences, repeated, unstable, notCompared } = findings;
  const runs = undisturbed.map(({ functionId, status }) => `${functionId} ${status}`).join(", ");
  return [
    `${trials} crash points tried${leftOut === 0 ? "" : ` (${leftOut} left out: raise maxTrials)`}; undisturbed: ${runs}`,
    ...section("Runs that ended differently", differences.map(differenceText)),
    ...section("Steps whose body ran again; if that does no harm, declare them idempotent", repeated.map(repeatedText)),
    ...section("Code that is not deterministic outside its steps", unstable.map(unstableText)),
    ...section(
      "Not compared, because two undisturbed runs differ in it",
      notCompared.map(({ functionId, path }) => `${functionId}: ${path}`),
    ),
    ok ? "Nothing was found." : "",
  ]
    .filter((line) => line !== "")
    .join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
}

const MAX_VALUE_CHARACTERS = 100;

function valueText(value: Json | undefined): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, MAX_VALUE_CHARACTERS);
}

function differenceText(difference: EndDifference): string {
  const { functionId, what, path, expected, actual } = difference;
  const how = what.endsWith("run")
    ? `${what}: ${valueText(what === "extra run" ? actual : expected)}`
    : `${path} is ${valueText(actual)}, undisturbed ${valueText(expected)}`;
  return `${functionId}: ${how} (${placeText(difference)})`;
}

function repeatedText(step: RepeatedStep): string {
  const { functionId, stepId, times, undisturbedTimes } = step;
  return `${functionId}: "${stepId}" ran ${times} times instead of ${undisturbedTimes} (${placeText(step)})`;
}

function unstableText(code: UnstableCode): string {
  return `${code.functionId}: first it ${code.was}, then it ${code.is} (${placeText(code)})`;
}

function placeText({ first, points }: Found): string {
  if (!first) return "without any fault";
  const { fault, call, caller, operation, afterBody } = first;
  const how = { "crash-before": "died before", "crash-after": "died just after", lost: "got no answer to" }[fault];
  const body = afterBody === null ? "" : `, after the body of "${afterBody}" began`;
  const more = points === 1 ? "" : `; at ${points} points`;
  return `${caller} ${how} call ${call}, ${operation}${body}${more}`;
}
