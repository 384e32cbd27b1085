/**
 * Owns: where `perdure.send` goes while tests of its app run: to the world whose function is calling, or, from the test's own
 * code, to the test that was created last.
 * Must not: let an event of a test reach a network.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { FunctionClient } from "../../sdk/function.js";
import type { OutgoingEvent } from "../../sdk/protocol.js";
import { testStopped } from "./errors.js";

export type EventSink = (events: readonly OutgoingEvent[]) => Promise<{ ids: string[] }>;

const callingWorld = new AsyncLocalStorage<EventSink>();
const sinksOf = new WeakMap<FunctionClient, EventSink[]>();

/** Runs a function's code so that what it sends stays in its own world. */
export function sendingTo<T>(sink: EventSink, work: () => T): T {
  return callingWorld.run(sink, work);
}

/** Takes over the client's `send`. The returned function gives it back to the test before, or to nobody. */
export function attachClient(client: FunctionClient, sink: EventSink): () => void {
  const sinks = sinksOf.get(client) ?? [];
  sinksOf.set(client, sinks);
  sinks.push(sink);
  const route: EventSink = (events) => {
    const target = callingWorld.getStore() ?? sinks.at(-1);
    return target ? target(events) : Promise.reject(testStopped({ appId: client.id }));
  };
  // A client of another copy of the package has the method all the same; anything else that fits has none.
  const sendThrough: unknown = Reflect.get(client, "sendThrough");
  if (typeof sendThrough === "function") Reflect.apply(sendThrough, client, [route]);
  return () => {
    const place = sinks.indexOf(sink);
    if (place >= 0) sinks.splice(place, 1);
  };
}
