/**
 * Goal: a race is typed by its entrants, and where steps run is chosen from what there is.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import { Perdure, type GroupTools, type StepTools } from "perdure";

declare const step: StepTools;
declare const group: GroupTools;

// ---- Races ----

export async function races(): Promise<void> {
  const first = await group.race([
    () => step.run("a", () => 1),
    async () => {
      await step.sleep("b", "1d");
      return "late" as const;
    },
  ]);
  expectTypeOf(first).toEqualTypeOf<number | "late">();
  expectTypeOf(await group.race([() => step.run("date", () => new Date())])).toEqualTypeOf<string>();
  expectTypeOf(await group.race([(signal) => (signal.aborted ? 1 : 2)])).toEqualTypeOf<number>();
  // @ts-expect-error Entrants are functions: a promise has begun already, outside the race.
  await group.race([step.run("a", () => 1)]);
}

// ---- Where steps run ----

const client = new Perdure({ id: "shop" });

client.createFunction({ id: "wide", triggers: [], parallel: "distributed" }, async ({ step: own }) => {
  const parts = await Promise.all([1, 2].map((n) => own.run({ id: `part-${n}`, distributed: n > 1 }, () => n)));
  expectTypeOf(parts).toEqualTypeOf<number[]>();
});
// @ts-expect-error There are two places.
client.createFunction({ id: "wide", triggers: [], parallel: "elsewhere" }, () => null);
// @ts-expect-error Only what has a body can run elsewhere.
export const asleep = step.sleep({ id: "a", distributed: true }, "1d");
