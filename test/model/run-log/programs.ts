/**
 * Owns: the functions that the run-log model runs. A program says what user code has requested after the outcomes shown to
 * it so far, in the order shown, and what it returned. That is all the protocol may rely on.
 * An outcome is "<operation>=<value>". Operations whose name begins with S are sleeps; all others are steps, whose value is
 * the epoch that ran the body: a body that runs twice gives two different values, as real ones do.
 */

export interface Program {
  name: string;
  requested(shown: readonly string[]): string[];
  /** What the function returned, null while it has not. */
  result(shown: readonly string[]): string | null;
}

export const isSleep = (operation: string): boolean => operation.startsWith("S");

export const operationOf = (outcome: string): string => outcome.slice(0, outcome.indexOf("="));

const outcomeOf = (operation: string, shown: readonly string[]): string | undefined =>
  shown.find((outcome) => operationOf(outcome) === operation);

/** `const winner = await Promise.race([...]); return step.run("C:" + winner)`, perhaps after a first operation. */
function raceThenNamed(name: string, contenders: readonly string[], first?: string): Program {
  const winnerOf = (shown: readonly string[]): string | undefined =>
    shown.map(operationOf).find((operation) => contenders.includes(operation));
  return {
    name,
    requested: (shown) => {
      if (first !== undefined && outcomeOf(first, shown) === undefined) return [first];
      const winner = winnerOf(shown);
      const before = first === undefined ? [] : [first];
      return [...before, ...contenders, ...(winner === undefined ? [] : [`C:${winner}`])];
    },
    result: (shown) => {
      const winner = winnerOf(shown);
      const last = winner === undefined ? undefined : outcomeOf(`C:${winner}`, shown);
      return winner === undefined || last === undefined ? null : `${outcomeOf(winner, shown)} ${last}`;
    },
  };
}

export const raceOfSteps = raceThenNamed("race([A, B]), then C:winner", ["A", "B"]);
export const twoSteps = raceThenNamed("A, then C:A", ["A"]);
export const sleepRacesStep = raceThenNamed("race([sleep S, A]), then C:winner", ["S", "A"]);
export const sleepThenRace = raceThenNamed("sleep S1, then race([sleep S2, A]), then C:winner", ["S2", "A"], "S1");

/** `await Promise.all([A, B]); return step.run("C")`. */
export const allOfSteps: Program = {
  name: "all([A, B]), then C",
  requested: (shown) =>
    ["A", "B"].every((step) => outcomeOf(step, shown) !== undefined) ? ["A", "B", "C"] : ["A", "B"],
  result: (shown) => {
    const last = outcomeOf("C", shown);
    return last === undefined ? null : `${outcomeOf("A", shown)} ${outcomeOf("B", shown)} ${last}`;
  },
};
