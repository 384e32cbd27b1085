/**
 * Goal: the checks can fail. A rule of the engine is broken on purpose, and the predicate that guards it must say so.
 * Method: the table is told something else than it was asked (a condition left out, a seal forgotten, a lease too short to
 * see); the same enumeration as in singles.test.ts then has to find it.
 */
import { expect, it } from "vitest";
import type { Input } from "../../local/aws/model.js";
import { Enumeration } from "./enumerate.js";
import { CORE_PROGRAMS } from "./programs.js";
import type { Sabotage } from "./tap.js";

const text = (input: Input, member: string): string => String(input[member]);

/** Some members of the input of some writes are others. */
function instead(
  operation: string,
  concerns: (input: Input) => boolean,
  change: (input: Input) => Record<string, unknown>,
): Sabotage {
  return (asked, input) => (asked === operation && concerns(input) ? { ...input, ...change(input) } : input);
}

const forgetSeal = instead(
  "UpdateItem",
  (input) => text(input, "UpdateExpression").includes("seals."),
  (input) => ({
    UpdateExpression: text(input, "UpdateExpression").replace("seals.#sealed", "#sealed"),
    ExpressionAttributeNames: { ...Object(input["ExpressionAttributeNames"]), "#sealed": "forgotten" },
  }),
);

const claimWhatIsHeld = instead(
  "UpdateItem",
  (input) => text(input, "UpdateExpression").includes("startedAt"),
  () => ({
    ConditionExpression:
      "epoch <= :next AND epoch >= :epoch AND leaseUntil >= :zero AND #status IN (:queued, :running)",
  }),
);

const createAgain = instead(
  "PutItem",
  (input) => text(input, "ConditionExpression") === "attribute_not_exists(pk)" && "fnKey" in Object(input["Item"]),
  () => ({ ConditionExpression: "attribute_not_exists(neverThere)" }),
);

const endWhatHasEnded = instead(
  "UpdateItem",
  (input) => text(input, "UpdateExpression").includes("endedAt"),
  () => ({ ConditionExpression: "epoch > :epoch OR #status IN (:queued, :running) OR epoch <= :epoch" }),
);

const planted: [string, Sabotage, RegExp][] = [
  ["a steal that forgets the seal", forgetSeal, /everyPassSeesTheSame|logIsWhole/],
  ["a claim that takes what is held", claimWhatIsHeld, /bodiesRunOncePerAttempt/],
  ["a run that is created again", createAgain, /endsOnce|completedStepsNeverRunAgain/],
  ["an end that ends what has ended", endWhatHasEnded, /endsOnce/],
];

it.each(planted)("%s is found out", async (_fault, sabotage, found) => {
  const [program] = CORE_PROGRAMS;
  if (!program) throw new Error("There is no program");
  const enumeration = await Enumeration.begin({ program, sweeper: false, sabotage });
  await enumeration.trySingles();
  const problems = enumeration.findings.flatMap((finding) => finding.problems);
  expect(problems.join("\n")).toMatch(found);
});
