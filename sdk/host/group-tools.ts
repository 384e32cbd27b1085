/** Owns: the `group` a handler is given: races whose losers are let go. Must not: decide the order of results; the log does. */
import type { GroupTools, RaceEntrants } from "../steps.js";
import { raceWithoutEntrants } from "./errors.js";
import type { Pass } from "./pass.js";
import { RaceBranch } from "./race-branch.js";

export function makeGroupTools(pass: Pass): GroupTools {
  const race = async (entrants: RaceEntrants): Promise<unknown> => {
    if (!Array.isArray(entrants) || entrants.length === 0) throw raceWithoutEntrants({});
    const branches = entrants.map(() => new RaceBranch());
    try {
      return await Promise.race(
        entrants.map((entrant, index) => {
          const branch = branches[index] ?? new RaceBranch();
          return branch.run(async () => entrant(branch.signal));
        }),
      );
    } finally {
      // The winner's own operations are settled, or were started beside what settled it: they go with the race as well.
      for (const branch of branches) pass.letGo(branch.leave());
    }
  };
  // The implementation answers unknown; the public type says which of the entrants' results it is.
  return { race } as GroupTools;
}
