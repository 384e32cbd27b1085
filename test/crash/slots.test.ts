/**
 * Goal: whatever one AWS call does, no more are at work at once than a limit says, every run that waits for a place gets it and
 * ends as without the fault, and every place is given back.
 * Method: as singles.test.ts, for runs that compete for places: each call, with SQS alone to bring back what was lost, in one
 * mode by seed (PERDURE_CRASH=full: in every one), and a sample of two faults with the sweeper. Where a write that landed late
 * has left a place, more runs come by, and must get it.
 */
import { describeEveryFault } from "./every-fault.js";
import { SLOT_PROGRAMS } from "./programs-slots.js";

describeEveryFault(SLOT_PROGRAMS, { pairs: 12, leastSingles: 30 });
