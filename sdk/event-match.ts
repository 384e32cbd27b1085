/**
 * Owns: reading what is written of an event that ends a wait or cancels a run into what the platform keeps of it.
 * Must not: read an expression; the platform does, and says what is wrong with it.
 */
import { eventNameFault, isEventType } from "./events.js";
import type { EventMatch } from "./protocol.js";
import type { AwaitedEvent } from "./steps.js";

/** Says what is wrong, and with what. */
export type Refuse = (is: string, expected: string) => never;

export function eventMatch({ event: written, if: condition, match }: AwaitedEvent, refuse: Refuse): EventMatch {
  const event = isEventType(written) ? written.name : written;
  const fault = eventNameFault(event, { wildcard: false, system: true });
  if (fault || typeof event !== "string")
    return refuse(fault?.is ?? "its event is not text", fault?.expected ?? "an event's name");
  if (condition !== undefined && match !== undefined) return refuse("it has both if and match", "one of the two");
  if (match !== undefined) return { event, if: equality(match, refuse) };
  if (condition === undefined) return { event };
  if (typeof condition !== "string" || condition.trim() === "") {
    return refuse("its if is not text", 'a CEL expression such as "async.data.orderId == event.data.orderId"');
  }
  return { event, if: condition };
}

/** `match: "data.orderId"`: the same member in the event that started the run and in the one that arrives. */
function equality(match: unknown, refuse: Refuse): string {
  if (typeof match === "string" && /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(match))
    return `event.${match} == async.${match}`;
  return refuse(`its match is ${JSON.stringify(match)}`, 'a member of both events such as "data.orderId"');
}
