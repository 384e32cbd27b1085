/**
 * Owns: where `perdure.send` and `perdure.sendSignal` go in a process that tests its app: to the world whose function is calling,
 * or, from the test's own code, to the test that was created last and still runs.
 * Must not: let anything of a test reach a network, whatever address the client or the environment names. So both are taken
 * over, and stay so: what a test left running may send after its end.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { EventPayload } from "../../sdk/events.js";
import type { FunctionClient } from "../../sdk/function.js";
import { clientEvents, clientSignal } from "../../sdk/middleware/chain.js";
import type { OutgoingEvent } from "../../sdk/protocol.js";
import { signalData, type SignalSender } from "../../sdk/signals.js";
import { testStopped } from "./errors.js";

/** A world as what is sent sees it. */
export interface Sink {
  events(events: readonly OutgoingEvent[]): Promise<{ ids: string[] }>;
  signal: SignalSender;
}

const callingWorld = new AsyncLocalStorage<Sink>();
const sinksOf = new WeakMap<FunctionClient, Sink[]>();

/** Runs a function's code so that what it sends stays in its own world. */
export function sendingTo<T>(sink: Sink, work: () => T): T {
  return callingWorld.run(sink, work);
}

/** Takes over what the client sends. The returned function gives it back to the test before, or to nobody. */
export function attachClient(client: FunctionClient, sink: Sink): () => void {
  const sinks = sinksOf.get(client) ?? takeOver(client);
  sinks.push(sink);
  return () => {
    const place = sinks.indexOf(sink);
    if (place >= 0) sinks.splice(place, 1);
  };
}

function takeOver(client: FunctionClient): Sink[] {
  const sinks: Sink[] = [];
  sinksOf.set(client, sinks);
  const current = (): Sink => {
    const sink = callingWorld.getStore() ?? sinks.at(-1);
    if (!sink) throw testStopped({ appId: client.id });
    return sink;
  };
  const send = async (payloads: EventPayload | readonly EventPayload[]): Promise<{ ids: string[] }> => {
    const events = await clientEvents(client.middleware, payloads);
    return current().events(events);
  };
  const sendSignal = async ({ signal, data }: { signal: string; data?: unknown }): Promise<{ runId?: string }> => {
    const kept = signalData(signal, clientSignal(client.middleware ?? [], signal, signalData(signal, data)));
    const { runId } = await current().signal(signal, kept);
    return runId === null ? {} : { runId };
  };
  Object.defineProperty(client, "send", { value: send, configurable: true, writable: true });
  Object.defineProperty(client, "sendSignal", { value: sendSignal, configurable: true, writable: true });
  return sinks;
}
