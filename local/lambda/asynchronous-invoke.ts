/**
 * Owns: Lambda's asynchronous invocation, which EventBridge Scheduler uses: the caller is answered at once, a function that
 * fails is tried twice more, a throttled one again for up to six hours.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 * Must not: keep anything durable. Events in this queue are lost with the process; AWS would keep them, and everything we
 * invoke this way (the sweep) is asked for again a minute later.
 */
import { sleep } from "../../sdk/clock.js";
import type { Clock } from "../../sdk/clock.js";
import { handlerError } from "./invocation.js";
import type { InvocationError } from "./invocation.js";
import type { LambdaFunction } from "./lambda-function.js";

/** Before the second and the third attempt. */
const ERROR_DELAYS_MS = [60_000, 120_000];
const THROTTLE_FIRST_DELAY_MS = 1_000;
const THROTTLE_LAST_DELAY_MS = 300_000;
const MAXIMUM_EVENT_AGE_MS = 6 * 3_600_000;

/** Resolves when the event was handled or given up; `onGivenUp` says why. Never rejects. */
export async function invokeAsynchronously(
  target: LambdaFunction,
  event: unknown,
  clock: Clock,
  onGivenUp: (error: InvocationError) => void,
): Promise<void> {
  const givenUpAt = clock.monotonic() + MAXIMUM_EVENT_AGE_MS;
  let errors = 0;
  let throttleDelayMs = THROTTLE_FIRST_DELAY_MS;
  for (;;) {
    const failure = await target.invoke(event).then(
      () => undefined,
      (error: unknown) => handlerError(error),
    );
    if (failure === undefined) return;
    const isThrottled = failure.failure === "throttled";
    const delayMs = isThrottled ? throttleDelayMs : ERROR_DELAYS_MS[errors];
    if (delayMs === undefined || clock.monotonic() + delayMs > givenUpAt) return onGivenUp(failure);
    if (isThrottled) throttleDelayMs = Math.min(throttleDelayMs * 2, THROTTLE_LAST_DELAY_MS);
    else errors += 1;
    await sleep(clock, delayMs);
  }
}
