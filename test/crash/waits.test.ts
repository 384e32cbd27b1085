/**
 * Goal: whatever one AWS call does, a wait ends with its event or its time, a loop of waits sees each event once, and a run that
 * an event cancels is cancelled.
 * Method: as singles.test.ts, for functions that wait: each call, with SQS alone to bring back what was lost, in some modes by
 * seed (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper.
 */
import { describeEveryFault } from "./every-fault.js";
import { WAIT_PROGRAMS } from "./programs-wait.js";

describeEveryFault(WAIT_PROGRAMS, { pairs: 12, leastSingles: 20 });
