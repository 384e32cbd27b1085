/**
 * Owns: where `perdure.send` goes in a process that tests its app: to the world whose function is calling, or, from the
 * test's own code, to the test that was created last and still runs.
 * Must not: let an event of a test reach a network, whatever address the client or the environment names. So `send` itself
 * is taken over, and stays so: what a test left running may send after its end.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { EventPayload } from "../../sdk/events.js";
import type { FunctionClient } from "../../sdk/function.js";
import { clientEvents } from "../../sdk/middleware/chain.js";
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
  const sinks = sinksOf.get(client) ?? takeOver(client);
  sinks.push(sink);
  return () => {
    const place = sinks.indexOf(sink);
    if (place >= 0) sinks.splice(place, 1);
  };
}

function takeOver(client: FunctionClient): EventSink[] {
  const sinks: EventSink[] = [];
  sinksOf.set(client, sinks);
  const send = async (payloads: EventPayload | readonly EventPayload[]): Promise<{ ids: string[] }> => {
    const events = await clientEvents(client.middleware, payloads);
    const sink = callingWorld.getStore() ?? sinks.at(-1);
    if (!sink) throw testStopped({ appId: client.id });
    return sink(events);
  };
  Object.defineProperty(client, "send", { value: send, configurable: true, writable: true });
  return sinks;
}
