/**
 * Goal: whatever one AWS call does, a parent gets its child's outcome, a failure is handled once, what is let go ends.
 * Method: as singles.test.ts, for functions that invoke: each call, with SQS alone to bring back what was lost, in one mode
 * by seed (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper.
 */
import { describeEveryFault } from "./every-fault.js";
import { INVOKE_PROGRAMS } from "./programs-invoke.js";

describeEveryFault(INVOKE_PROGRAMS, { pairs: 12, leastSingles: 30 });
