/** Owns: the list of all operations a random program is made of. A new one is a file and a line here. */
import type { OperationKind } from "../operation.js";
import { attempt } from "./attempt.js";
import { loop } from "./loop.js";
import { parallel } from "./parallel.js";
import { raceKind } from "./race.js";
import { run } from "./run.js";
import { sendEvent } from "./send-event.js";
import { sleep } from "./sleep.js";
import { stumble } from "./stumble.js";
import { unawaited } from "./unawaited.js";

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
];
