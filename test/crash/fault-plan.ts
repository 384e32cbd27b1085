/**
 * Owns: what goes wrong in one trial: the n-th call that the struck callers make, and how. A plan is data, so that
 * a failing trial can be named in one line and repeated.
 */
import type { Clock } from "../../sdk/clock.js";
import type { AwsCall } from "../../local/aws/call.js";
import type { Fault, FaultRule } from "../../local/aws/faults.js";

/**
 * Beside the fault switch's own: `slow` is one call that takes 40 s while its sandbox lives on; `freeze-before` and
 * `freeze-after` stop the whole sandbox for 40 s, before the call is applied or just after: longer than a lease, so that it
 * thaws as a zombie.
 */
export const MODES = [
  "crash-before",
  "crash-after",
  "lost",
  "drop",
  "throttle",
  "double",
  "slow",
  "freeze-before",
  "freeze-after",
] as const;

export type Mode = (typeof MODES)[number];

export interface PlannedFault {
  /** Which call, counted over all callers that can be struck; 1 first. */
  at: number;
  mode: Mode;
}

export type Plan = readonly PlannedFault[];

const FROZEN_MS = 40_000;

/** The platform's own Lambda functions. */
export const FUNCTION_CALLERS: readonly string[] = ["ingest", "dispatch", "worker"];
/** AWS's own pollers. They cannot crash and never freeze, but their connections break like any other. */
export const MAPPING_CALLERS: readonly string[] = ["mapping-dispatch", "mapping-worker"];
export const MAPPING_MODES: readonly Mode[] = ["lost", "drop", "double"];

/** The faults after which a body may be run again that had begun: its worker is gone, or takes itself for lost. */
export function interrupts(mode: Mode): boolean {
  return mode.startsWith("crash") || mode.startsWith("freeze") || mode === "slow";
}

/** The faults after which a message may be there twice though nobody died: its sender repeats it, or SQS does. */
export function repeats(mode: Mode): boolean {
  return mode === "double" || mode === "lost";
}

export function showPlan(plan: Plan): string {
  return plan.length === 0 ? "no fault" : plan.map(({ at, mode }) => `${mode}@${at}`).join(" + ");
}

/** A plan at work: counts the calls it can touch and carries out what is planned for them. */
export class FaultPlan {
  /** The calls so far, as `worker PutItem LOG#000001#000001`. */
  readonly calls: string[] = [];
  readonly #plan: Plan;
  readonly #callers: readonly string[];
  readonly #clock: Clock;
  readonly #frozenUntilMs = new Map<string, number>();

  constructor(plan: Plan, callers: readonly string[], clock: Clock) {
    this.#plan = plan;
    this.#callers = callers;
    this.#clock = clock;
  }

  readonly rule: FaultRule = (call) => {
    if (!this.#callers.includes(call.caller.name)) return undefined;
    this.calls.push(nameOf(call));
    const planned = this.#plan.find(({ at }) => at === this.calls.length);
    return planned ? this.#carryOut(planned.mode, call) : this.#stillFrozen(call);
  };

  #carryOut(mode: Mode, call: AwsCall): Fault {
    switch (mode) {
      case "slow":
        return { freezeMs: FROZEN_MS };
      case "freeze-before":
        this.#freeze(call);
        return { freezeMs: FROZEN_MS };
      case "freeze-after":
        this.#freeze(call);
        return { freezeMs: FROZEN_MS, when: "after" };
      default:
        return mode;
    }
  }

  #freeze({ caller }: AwsCall): void {
    this.#frozenUntilMs.set(caller.sandboxId ?? "", this.#clock.now() + FROZEN_MS);
  }

  /** A frozen sandbox's further calls arrive when it has thawed, in the order in which they were made. */
  #stillFrozen({ caller }: AwsCall): Fault | undefined {
    const freezeMs = (this.#frozenUntilMs.get(caller.sandboxId ?? "") ?? 0) - this.#clock.now();
    return freezeMs > 0 ? { freezeMs } : undefined;
  }
}

function nameOf({ caller, operation, input }: AwsCall): string {
  const key: unknown = input["Key"] ?? input["Item"];
  const sk: unknown = typeof key === "object" && key !== null ? Reflect.get(key, "sk") : undefined;
  const sortKey = typeof sk === "object" && sk !== null ? ` ${String(Reflect.get(sk, "S"))}` : "";
  return `${caller.name} ${operation}${sortKey}`;
}
