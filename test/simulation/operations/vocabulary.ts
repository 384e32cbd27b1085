/** Owns: the list of all operations a random program is made of. A new one is a file and a line here. */
import type { OperationKind } from "../operation.js";
import { atMostOnce } from "./at-most-once.js";
import { attempt } from "./attempt.js";
import { distributed } from "./distributed.js";
import { groupRace } from "./group-race.js";
import { invoke } from "./invoke.js";
import { loop } from "./loop.js";
import { parallel } from "./parallel.js";
import { raceKind } from "./race.js";
import { run } from "./run.js";
import { sendEvent } from "./send-event.js";
import { sleep } from "./sleep.js";
import { stumble } from "./stumble.js";
import { unawaited } from "./unawaited.js";
import { waitForEvent } from "./wait-for-event.js";
import { waitForSignal } from "./wait-for-signal.js";

export const VOCABULARY: readonly OperationKind[] = [
  run,
  sleep,
  sendEvent,
  parallel,
  raceKind,
  attempt,
  loop,
  unawaited,
  stumble,
  waitForEvent,
  waitForSignal,
  invoke,
  distributed,
  groupRace,
  atMostOnce,
];
