/** Owns: the functions whose cost is counted: nothing but steps, sleeps, sends and failures; a step's result is small. */
import { Perdure } from "perdure";
import { realClock, sleep, type Clock } from "../sdk/clock.js";
import type { PerdureFunction } from "../sdk/function.js";

export const client = new Perdure({ id: "bench" });

export const steps = (count: number): PerdureFunction<never> =>
  client.createFunction({ id: `steps-${count}`, triggers: { event: `bench/steps-${count}` } }, async ({ step }) => {
    for (let index = 0; index < count; index += 1) await step.run(`step-${index}`, () => ({ index }));
    return count;
  });

const LIMITED_STEPS = 5;
const LIMITED_STEP_MS = 100;

/** Five steps of a tenth of a second, under a limit of how many of them execute at once. */
export const limited = (limit: number): { fn: PerdureFunction<never>; on: (clock: Clock) => void } => {
  let clock: Clock = realClock;
  const fn = client.createFunction(
    { id: `limited-${limit}`, triggers: { event: `bench/limited-${limit}` }, concurrency: limit },
    async ({ step }) => {
      for (let index = 0; index < LIMITED_STEPS; index += 1) {
        await step.run(`step-${index}`, async () => {
          await sleep(clock, LIMITED_STEP_MS);
          return { index };
        });
      }
    },
  );
  return { fn, on: (given) => void (clock = given) };
};

/** Its only operation is a sleep that a schedule carries. */
export const sleeper = (): PerdureFunction<never> =>
  client.createFunction({ id: "sleeper", triggers: { event: "bench/sleeper" } }, async ({ step }) => {
    await step.sleep("a-day", "1d");
  });

/** Its only operation is a wait, which an event ends. */
export const waiter = (): PerdureFunction<never> =>
  client.createFunction({ id: "waiter", triggers: { event: "bench/waiter" } }, async ({ step }) => {
    await step.waitForEvent("answer", { event: "bench/answer", match: "data.run", timeout: "7d" });
  });

export const FAN = 100;

/** One run of a hundred steps, each in a Lambda of its own. */
export const distributed = (): PerdureFunction<never> =>
  client.createFunction(
    { id: "distributed", triggers: { event: "bench/distributed" }, parallel: "distributed" },
    async ({ step }) => {
      await Promise.all(Array.from({ length: FAN }, (_, index) => step.run(`step-${index}`, () => ({ index }))));
    },
  );

/** One run sends a hundred events, each of which starts a run of one step. */
export const fanOut = (): PerdureFunction<never> =>
  client.createFunction({ id: "fan-out", triggers: { event: "bench/fan-out" } }, async ({ step }) => {
    const events = Array.from({ length: FAN }, (_, index) => ({ name: "bench/steps-1", data: { index } }));
    await step.sendEvent("fan", events);
  });

export const ATTEMPTS = 3;

/** Five steps, each of which fails twice before it succeeds. */
export const retryHeavy = (): PerdureFunction<never> => {
  const tried = new Map<string, number>();
  return client.createFunction(
    { id: "retry-heavy", triggers: { event: "bench/retry-heavy" } },
    async ({ step, runId }) => {
      for (let index = 0; index < 5; index += 1) {
        await step.run(`step-${index}`, () => {
          const key = `${runId} ${index}`;
          const attempt = (tried.get(key) ?? 0) + 1;
          tried.set(key, attempt);
          if (attempt < ATTEMPTS) throw new Error("not yet");
          return { index };
        });
      }
    },
  );
};
