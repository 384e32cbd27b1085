/**
 * Owns: reading the options a step with a body is asked with: how often, how soon and how long its body may be tried.
 * Must not: act on them; bodies.ts does.
 */
import { readBackoff } from "../backoff.js";
import { durationOrNull } from "../duration.js";
import type { Fault } from "../errors.js";
import { shown } from "../error-catalogue.js";
import { MAX_RETRIES } from "../function.js";
import type { BackoffConfig } from "../protocol.js";
import { stepOptionsInvalid } from "./errors.js";
import { MAX_STEP_TIMEOUT_MS } from "./limits.js";

/** What one step says for itself. Null: as the function has it. */
export interface StepRules {
  retries: number | null;
  backoff: BackoffConfig | null;
  /** Of one attempt. Null: none but the invocation's. */
  timeoutMs: number | null;
  /** `start` is in the log before the body begins, and what has begun never begins again. */
  atMostOnce: boolean;
}

export const NO_RULES: StepRules = { retries: null, backoff: null, timeoutMs: null, atMostOnce: false };

const OPTIONS: readonly string[] = ["id", "name", "distributed", "retries", "backoff", "timeout", "atMostOnce"];

/** The rules in a step's id. Throws STEP_OPTIONS_INVALID. */
export function readStepRules(stepId: unknown): StepRules {
  if (typeof stepId !== "object" || stepId === null) return NO_RULES;
  const id: unknown = Reflect.get(stepId, "id");
  const refuse = (fault: Fault): never => {
    throw stepOptionsInvalid({ stepId: typeof id === "string" ? id : "", ...fault });
  };
  const unknownOption = Object.keys(stepId).find((option) => !OPTIONS.includes(option));
  if (unknownOption !== undefined) {
    refuse({ is: `there is no option "${unknownOption}"`, expected: OPTIONS.join(", ") });
  }
  const atMostOnce = readAtMostOnce(stepId, refuse);
  const retries = readRetries(Reflect.get(stepId, "retries"), refuse);
  if (atMostOnce && retries !== null && retries > 0) {
    refuse({ is: `it is to run at most once and has ${retries} retries`, expected: "no retries, or no atMostOnce" });
  }
  const backoff: unknown = Reflect.get(stepId, "backoff");
  return {
    retries: atMostOnce ? 0 : retries,
    backoff: backoff === undefined ? null : backoffOf(backoff, refuse),
    timeoutMs: readTimeout(Reflect.get(stepId, "timeout"), refuse),
    atMostOnce,
  };
}

type Refuse = (fault: Fault) => never;

function readAtMostOnce(stepId: object, refuse: Refuse): boolean {
  const atMostOnce: unknown = Reflect.get(stepId, "atMostOnce") ?? false;
  if (typeof atMostOnce !== "boolean") return refuse({ is: "its atMostOnce is no boolean", expected: "true or false" });
  if (atMostOnce && Reflect.get(stepId, "distributed") === true) {
    return refuse({
      is: "it is to run at most once and distributed",
      expected: "one of the two: a branch's message may be delivered twice",
    });
  }
  return atMostOnce;
}

function readRetries(retries: unknown, refuse: Refuse): number | null {
  if (retries === undefined) return null;
  if (typeof retries === "number" && Number.isInteger(retries) && retries >= 0 && retries <= MAX_RETRIES)
    return retries;
  return refuse({ is: `its retries are ${shown(retries)}`, expected: `a whole number from 0 to ${MAX_RETRIES}` });
}

function backoffOf(backoff: unknown, refuse: Refuse): BackoffConfig {
  const read = readBackoff(backoff);
  return "is" in read ? refuse(read) : read;
}

function readTimeout(timeout: unknown, refuse: Refuse): number | null {
  if (timeout === undefined) return null;
  const fault = { is: "its timeout is not usable", expected: `1 ms to ${MAX_STEP_TIMEOUT_MS / 60_000} minutes` };
  const ms = durationOrNull(timeout, MAX_STEP_TIMEOUT_MS);
  return ms !== null && ms >= 1 ? ms : refuse(fault);
}
