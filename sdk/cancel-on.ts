/** Owns: the option `cancelOn`: events after which a run is not to go on, as written and as the platform keeps it. */
import { durationOrNull, type TimeStr } from "./duration.js";
import { shown } from "./error-catalogue.js";
import type { Fault } from "./errors.js";
import { eventMatch } from "./event-match.js";
import type { CancelConfig } from "./protocol.js";
import type { AwaitedEvent } from "./steps.js";

/** An event that cancels a run. It counts when it is received after the event that started the run. */
export interface CancelOn extends AwaitedEvent {
  /** How long after the run's creation such an event still cancels it, up to 366 days, which it is when absent. */
  timeout?: number | TimeStr | undefined;
}

export const MAX_CANCEL_EVENTS = 5;
const MEMBERS: readonly string[] = ["event", "if", "match", "timeout"];
const EXAMPLE = '{ event: "app/order.cancelled", match: "data.orderId" }';

class Refused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.is);
    this.fault = fault;
  }
}

/** The entries as the platform keeps them, or what is wrong with them. */
export function readCancelOn(written: unknown): CancelConfig[] | Fault {
  if (!Array.isArray(written)) return { is: "its cancelOn is no list", expected: `[${EXAMPLE}]` };
  if (written.length > MAX_CANCEL_EVENTS) {
    return { is: `its cancelOn has ${written.length} entries`, expected: `at most ${MAX_CANCEL_EVENTS}` };
  }
  const entries: readonly unknown[] = written;
  try {
    return entries.map(readEntry);
  } catch (error) {
    if (error instanceof Refused) return error.fault;
    throw error;
  }
}

function readEntry(entry: unknown): CancelConfig {
  const refuse = (is: string, expected: string): never => {
    throw new Refused({ is: `in its cancelOn ${is}`, expected });
  };
  if (!isCancelOn(entry)) return refuse("an entry is not an object", EXAMPLE);
  const unknownMember = Object.keys(entry).find((member) => !MEMBERS.includes(member));
  if (unknownMember !== undefined) return refuse(`there is no "${unknownMember}"`, MEMBERS.join(", "));
  const match = eventMatch(entry, (is, expected) => refuse(`of an entry ${is}`, expected));
  if (entry.timeout === undefined) return match;
  return { ...match, timeoutMs: timeoutMs(entry.timeout, refuse) };
}

/** An object is enough: each member is looked at before it is used. */
function isCancelOn(entry: unknown): entry is CancelOn {
  return typeof entry === "object" && entry !== null;
}

function timeoutMs(timeout: unknown, refuse: (is: string, expected: string) => never): number {
  return durationOrNull(timeout) ?? refuse(`the timeout of an entry is ${shown(timeout)}`, 'such as "7d"');
}
