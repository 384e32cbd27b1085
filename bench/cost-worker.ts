/** Owns: the worker that is deployed to count the five-step run on the deployed stack, under the example app's name. */
import { Perdure } from "perdure";
import { serve } from "perdure/lambda";

const client = new Perdure({ id: "examples" });

const five = client.createFunction({ id: "five", triggers: { event: "bench/five" } }, async ({ step }) => {
  for (let index = 0; index < 5; index += 1) await step.run(`step-${index}`, () => ({ index }));
});

export const handler = serve({ client, functions: [five] });
