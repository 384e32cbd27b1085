/** Owns: what the places of a run tell of its turn that was lost. */
import type { FunctionConfig } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import type { RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { SlotStore } from "../state/slot-store.js";
import { limitsOf } from "./limits-of-run.js";
import { isTurnSeat } from "./seats.js";

/**
 * Whether the function may have been at work when the turn was lost: false when the run lacked a place under one of its limits,
 * so that nothing of it ran, or all that ran had come to its end. Asked before the run is taken over; past its lease a turn takes
 * no place any more.
 */
export async function hadPlaces(services: Services, head: RunHead, config: FunctionConfig): Promise<boolean> {
  const { runId } = head;
  for (const { hash } of limitsOf(head, config)) {
    const slots = await new SlotStore(services, appOfRun(runId), hash).slots();
    if (!slots.some(({ run, seat }) => run === runId && isTurnSeat(seat))) return false;
  }
  return true;
}
