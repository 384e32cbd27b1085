/**
 * Owns: events that came before somebody waited for them: the earliest one that fits ends the wait. Looks twice, since the
 * index it finds them by lags; a long way back is gone in legs, one message each.
 */
import { SECOND_LOOK_MS } from "../core/limits.js";
import { compileExpression } from "../expressions/cel.js";
import type { AcceptedEvent, LookbackRequest } from "../queue/messages.js";
import { sendMessage } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { EventStore } from "../state/event-store.js";
import { eventsBetween } from "../state/event-times.js";
import { timeBound } from "../state/keys.js";
import { answer, type Served } from "./match-waiters.js";

/** Events looked at in one leg. */
const EVENTS_A_LEG = 500;
/** Days and pages of days asked for in one leg. */
const PAGES_A_LEG = 50;
const PARALLEL_READS = 25;

const NOBODY: Served = { wakes: [], served: [] };

export async function lookBack(services: Services, registry: Registry, request: LookbackRequest): Promise<Served> {
  const nowMs = services.clock.now();
  const to = timeBound(Math.min(request.untilMs, nowMs) + 1);
  let from: string | null = request.from ?? timeBound(request.afterMs + 1);
  let looked = 0;
  const asked = await matchersOf(services, request);
  for (let pages = 0; asked !== null && from !== null && from < to; pages += 1) {
    if (looked >= EVENTS_A_LEG || pages >= PAGES_A_LEG) return goOn(services, { ...request, from });
    const { found, next } = await eventsBetween(services, [...asked.keys()], from, to);
    const first = await firstThatFits(
      services,
      asked,
      found.map(({ id }) => id).filter((id) => !request.excluded.includes(id)),
    );
    if (first) return answer(services, registry, request, first);
    looked += found.length;
    from = next;
  }
  if (request.again === undefined && nowMs < request.untilMs) await lookAgain(services, request);
  return NOBODY;
}

type Matcher = (event: AcceptedEvent) => boolean;

/** By event name, what makes an event fit; null when the event that started the run is gone, and with it what it asks. */
async function matchersOf(services: Services, request: LookbackRequest): Promise<Map<string, Matcher> | null> {
  const events = new EventStore(services);
  const trigger = await events.get(request.trigger);
  if (!trigger) return null;
  const event = await events.unpack(trigger.payload);
  const matchers = new Map<string, Matcher>();
  for (const { event: name, if: text } of request.on) {
    const known = matchers.get(name) ?? (() => false);
    const expression = text === undefined ? null : compileExpression(text, { variables: ["event", "async"] });
    matchers.set(
      name,
      (accepted) =>
        known(accepted) ||
        expression === null ||
        expression.evaluate({ event, async: accepted.event, nowMs: accepted.receivedAtMs }),
    );
  }
  return matchers;
}

async function firstThatFits(
  services: Services,
  asked: ReadonlyMap<string, Matcher>,
  ids: readonly string[],
): Promise<AcceptedEvent | null> {
  for (let place = 0; place < ids.length; place += PARALLEL_READS) {
    const read = await Promise.all(ids.slice(place, place + PARALLEL_READS).map((id) => readEvent(services, id)));
    const first = read.find((accepted) => accepted !== null && asked.get(accepted.event.name)?.(accepted) === true);
    if (first) return first;
  }
  return null;
}

async function readEvent(services: Services, id: string): Promise<AcceptedEvent | null> {
  const events = new EventStore(services);
  const record = await events.get(id);
  return record && { id, receivedAtMs: record.receivedAtMs, event: await events.unpack(record.payload) };
}

async function goOn(services: Services, request: LookbackRequest): Promise<Served> {
  await sendMessage(services, services.settings.eventsQueueUrl, { v: 1, kind: "lookback", ...request });
  return NOBODY;
}

async function lookAgain(services: Services, { from: _where, ...request }: LookbackRequest): Promise<void> {
  const message = { v: 1, kind: "lookback", ...request, again: true } as const;
  await sendMessage(services, services.settings.eventsQueueUrl, message, SECOND_LOOK_MS);
}
