/** The functions the wire bench runs in the dev server's worker processes. They report times of the machine's clock as output. */
import { Perdure } from "perdure";
import { serve } from "perdure/lambda";

const perdure = new Perdure({ id: "bench" });

const five = perdure.createFunction({ id: "five", triggers: { event: "bench/five" } }, async ({ step }) => {
  for (let index = 0; index < 5; index += 1) await step.run(`step-${index}`, () => index);
  return null;
});

const first = perdure.createFunction({ id: "first", triggers: { event: "bench/first" } }, async () => ({
  startedAtMs: performance.timeOrigin + performance.now(),
}));

const thousand = perdure.createFunction({ id: "thousand", triggers: { event: "bench/thousand" } }, async ({ step }) => {
  const gapsMs: number[] = [];
  let last = performance.now();
  for (let index = 0; index < 1_000; index += 1) {
    await step.run("step", () => index);
    const now = performance.now();
    gapsMs.push(now - last);
    last = now;
  }
  return gapsMs;
});

const wide = perdure.createFunction({ id: "wide", triggers: { event: "bench/wide" } }, async ({ step }) => {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 100 }, (_, index) => step.run(`part-${index}`, () => index)));
  return performance.now() - startMs;
});

export const handler = serve({ client: perdure, functions: [five, first, thousand, wide] });
