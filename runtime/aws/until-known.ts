/**
 * Owns: repeating an AWS call until its outcome is known. The SDK's own retries are off (`maxAttempts: 1`): they would
 * eat lease time and hide an unknown outcome behind "condition failed" (reliability.md §1.2).
 * Must not: be used for a call that does not bear being sent twice.
 */
import { sleep } from "../../sdk/clock.js";
import { defineError } from "../../sdk/error-catalogue.js";
import type { Services } from "../services.js";
import { failureOf, nameOf } from "./failures.js";

export const outcomeUnknown = defineError<{ what: string; attempts: number; reason: string }>({
  code: "OUTCOME_UNKNOWN",
  status: 503,
  retryable: true,
  message: ({ what, attempts, reason }) =>
    `Cannot ${what}: AWS gave no usable answer in ${attempts} attempts (${reason}); expected an answer`,
  remedy:
    "Nothing was lost: the work is repeated from its queue. If it goes on, look at the service's health and limits.",
});

const FIRST_DELAY_MS = 25;
const LONGEST_DELAY_MS = 1_000;
/** About six seconds of trying: below every Lambda timeout of the platform, above a passing throttle. */
const MAX_ATTEMPTS = 10;

/** Longer than any invocation lasts, at a second each: it is `giveUp` that ends it. */
export const PATIENT_ATTEMPTS = 1_000;

export interface Patience {
  /** Checked before each repetition: true gives up at once. */
  giveUp?: () => boolean;
  maxAttempts?: number;
}

/** The call's answer. Failed conditions and refusals are thrown as they are; OUTCOME_UNKNOWN after the last attempt. */
export async function untilKnown<T>(
  services: Pick<Services, "clock" | "random">,
  what: string,
  call: () => Promise<T>,
  patience: Patience = {},
): Promise<T> {
  const maxAttempts = patience.maxAttempts ?? MAX_ATTEMPTS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const failure = failureOf(error);
      if (failure === "condition" || failure === "refused") throw error;
      if (attempt >= maxAttempts || patience.giveUp?.()) {
        throw outcomeUnknown({ what, attempts: attempt, reason: nameOf(error) }, { cause: error });
      }
    }
    const longestMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    await sleep(services.clock, longestMs * (0.5 + services.random.unit() / 2));
  }
}
