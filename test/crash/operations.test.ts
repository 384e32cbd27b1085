/**
 * Goal: whatever one AWS call does, signals, waits for any of several events, distributed steps, races, failure handlers,
 * timeouts and cancels end a run as if nothing had happened, and leave no wait behind.
 * Method: as singles.test.ts: each call, with SQS alone to bring back what was lost, in one mode by seed
 * (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper.
 */
import { describeEveryFault } from "./every-fault.js";
import { BRANCH_PROGRAMS } from "./programs-branch.js";
import { END_PROGRAMS } from "./programs-end.js";
import { SIGNAL_PROGRAMS } from "./programs-signal.js";

describeEveryFault([...SIGNAL_PROGRAMS, ...BRANCH_PROGRAMS, ...END_PROGRAMS], { pairs: 8, leastSingles: 12 });
