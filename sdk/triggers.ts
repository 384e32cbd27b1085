/**
 * Owns: the forms a trigger may be written in, what they are to the platform (TriggerConfig), which event types they give
 * a handler, and the check of an event against the schemas of the triggers that match it.
 * Must not: read CEL expressions or cron fields; registration does, where the reader for them is.
 */
import { durationMs, durationOrNull, type TimeStr } from "./duration.js";
import { shown } from "./error-catalogue.js";
import { eventDataInvalid, triggerInvalid, type Fault } from "./errors.js";
import {
  dataIssues,
  eventNameFault,
  isEventType,
  type EventMap,
  type EventType,
  type ReceivedEvent,
  type ScheduledEvent,
  type UntypedData,
} from "./events.js";
import type { Jsonify } from "./jsonify.js";
import type { TriggerConfig } from "./protocol.js";
import { INVOKED_EVENT, type InvokedEvent, type SystemEvents } from "./system-events.js";

/** Starts a run for each event of that name. `if` is a CEL expression over `event`. */
export interface EventTrigger {
  /** A name, a name with a wildcard (`app/*`, `app/user.*`), or an event type. */
  event: string | EventType;
  if?: string;
  cron?: never;
  jitter?: never;
}

/** Starts a run at each time of a five-field cron, in UTC or in the zone that is put first: `TZ=Europe/Paris 0 9 * * 1`. */
export interface CronTrigger {
  cron: string;
  /**
   * Puts each start off by up to this long, 1 second to 5 minutes, so that not everything starts on the hour. By how much is
   * drawn for each time of the cron once: it does not change when the tick is delivered again.
   */
  jitter?: number | TimeStr;
  event?: never;
  if?: never;
}

export type Trigger = EventTrigger | CronTrigger | EventType;
export type Triggers = Trigger | readonly Trigger[];

/** Refuses members no trigger has, which TypeScript by itself lets pass in an inferred type. */
export type StrictTriggers<T> = T extends EventType
  ? unknown
  : T extends readonly unknown[]
    ? { readonly [Index in keyof T]: StrictTriggers<T[Index]> }
    : { readonly [Key in Exclude<keyof T, "event" | "if" | "cron" | "jitter">]: never };

/** The events a handler may receive: one of them for each trigger, told apart by `name`. */
export type EventsOf<T, Events extends EventMap<Events>> = [T] extends [readonly []]
  ? InvokedEvent
  : T extends readonly (infer Item)[]
    ? EventOf<Item, Events>
    : EventOf<T, Events>;

/** The event one trigger, or one wait, is about. */
export type EventOf<T, Events extends EventMap<Events>> =
  T extends EventType<infer Name, infer Data>
    ? ReceivedEvent<NameOf<Name>, Jsonify<Data>>
    : T extends { event: EventType<infer Name, infer Data> }
      ? ReceivedEvent<NameOf<Name>, Jsonify<Data>>
      : T extends { event: infer Name extends string }
        ? Name extends keyof Events
          ? ReceivedEvent<Name, Jsonify<Events[Name]>>
          : Name extends keyof SystemEvents
            ? ReceivedEvent<Name, SystemEvents[Name]>
            : ReceivedEvent<NameOf<Name>, UntypedData>
        : T extends { cron: string }
          ? ScheduledEvent
          : never;

type NameOf<Name extends string> = Name extends `${infer Prefix}*` ? `${Prefix}${string}` : Name;

/** A list, whichever form was written. */
export function triggerList(triggers: Triggers): readonly Trigger[] {
  return isList(triggers) ? triggers : [triggers];
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(triggers: Triggers): triggers is readonly Trigger[] {
  return Array.isArray(triggers);
}

/** The event types among the triggers. */
export function eventTypesOf(triggers: readonly Trigger[]): EventType[] {
  return triggers.flatMap((trigger) => {
    const type = isEventType(trigger) ? trigger : trigger.event;
    return isEventType(type) ? [type] : [];
  });
}

const MAX_TRIGGERS = 10;
const TRIGGER_MEMBERS: readonly string[] = ["event", "if", "cron", "jitter"];
const FORMS = '{ event: "app/user.created" }, { cron: "0 9 * * 1" } or an event type';

/** The triggers as the platform keeps them. Throws FUNCTION_TRIGGER_INVALID for what can never start a run. */
export function triggerConfigs(functionId: string, triggers: readonly Trigger[]): TriggerConfig[] {
  const refuse = (fault: Fault): never => {
    throw triggerInvalid({ id: functionId, ...fault });
  };
  if (triggers.length > MAX_TRIGGERS) {
    refuse({ is: `it has ${triggers.length} triggers`, expected: `at most ${MAX_TRIGGERS}` });
  }
  const crons = new Set<string>();
  return triggers.map((trigger) => {
    const fault = triggerFault(trigger);
    if (fault) return refuse(fault);
    const config = triggerConfig(trigger);
    if ("cron" in config) {
      if (crons.has(config.cron)) {
        refuse({ is: `its cron "${config.cron}" is given twice`, expected: "each cron once" });
      }
      crons.add(config.cron);
    }
    return config;
  });
}

function triggerFault(trigger: unknown): Fault | null {
  if (isEventType(trigger)) return null;
  if (typeof trigger !== "object" || trigger === null) return { is: "a trigger is not an object", expected: FORMS };
  const unknownMember = Object.keys(trigger).find((member) => !TRIGGER_MEMBERS.includes(member));
  if (unknownMember !== undefined) {
    return { is: `a trigger has the unknown member "${unknownMember}"`, expected: "event, if, cron and jitter only" };
  }
  const event: unknown = Reflect.get(trigger, "event");
  const cron: unknown = Reflect.get(trigger, "cron");
  const condition: unknown = Reflect.get(trigger, "if");
  if ((event === undefined) === (cron === undefined)) {
    return { is: "a trigger has to have either event or cron", expected: FORMS };
  }
  if (cron !== undefined) {
    if (condition !== undefined) return { is: "a cron trigger has an if", expected: "if beside event only" };
    return cronFault(cron) ?? jitterFault(Reflect.get(trigger, "jitter"));
  }
  if (Reflect.get(trigger, "jitter") !== undefined) {
    return { is: "an event trigger has a jitter", expected: "jitter beside cron only" };
  }
  if (condition !== undefined && (typeof condition !== "string" || condition.trim() === "")) {
    return { is: "the if of a trigger is not text", expected: "a CEL expression such as \"event.data.plan == 'pro'\"" };
  }
  return isEventType(event) ? null : eventNameFault(event, { wildcard: true, system: true });
}

const MAX_CRON_CHARACTERS = 255;

/** The shape only: what the fields hold is read at registration. */
function cronFault(cron: unknown): Fault | null {
  const expected = 'five fields, such as "0 9 * * 1" or "TZ=Europe/Paris 0 9 * * 1"';
  if (typeof cron !== "string") return { is: "its cron is not text", expected };
  if (cron.length > MAX_CRON_CHARACTERS) return { is: `its cron has ${cron.length} characters`, expected };
  const fields = normalCron(cron).split(" ");
  const zoned = /^(CRON_)?TZ=/.test(fields[0] ?? "");
  if (fields.length === (zoned ? 6 : 5)) return null;
  return { is: `its cron "${cron}" does not have five fields`, expected };
}

/** As upstream has it: below a second it spreads nothing, above five minutes it is another time. */
export const JITTER_MS = { min: 1_000, max: 300_000 } as const;

function jitterFault(jitter: unknown): Fault | null {
  if (jitter === undefined) return null;
  const expected = '1 second to 5 minutes, such as "30s"';
  const ms = durationOrNull(jitter);
  if (ms === null) return { is: `its jitter ${shown(jitter)} is no duration`, expected };
  return isJitterMs(ms) ? null : { is: `its jitter is ${ms} ms`, expected };
}

export function isJitterMs(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= JITTER_MS.min && Number(value) <= JITTER_MS.max;
}

const normalCron = (cron: string): string => cron.trim().replaceAll(/\s+/g, " ");

function triggerConfig(trigger: Trigger): TriggerConfig {
  if (isEventType(trigger)) return { event: trigger.name };
  if (trigger.cron !== undefined) {
    const { cron, jitter } = trigger;
    return { cron: normalCron(cron), ...(jitter === undefined ? {} : { jitterMs: durationMs(jitter) }) };
  }
  const event = isEventType(trigger.event) ? trigger.event.name : trigger.event;
  return trigger.if === undefined ? { event } : { event, if: trigger.if };
}

/** Whether an event of that name is meant by a trigger's name or wildcard. */
export function isEventMatch(pattern: string, eventName: string): boolean {
  return pattern.endsWith("*") ? eventName.startsWith(pattern.slice(0, -1)) : pattern === eventName;
}

/**
 * Checks an event a function is about to receive: it must fit at least one of the triggers that match its name, or, invoked
 * by another function, at least one of all its event triggers. Rejects with EVENT_DATA_INVALID, which no retry can mend. An event no trigger names (any more) passes: its run was started
 * when one did. For the same reason a run is checked before it first starts, and not again under changed schemas.
 */
export async function validateEvent(
  triggers: readonly Trigger[],
  event: { name: string; data: unknown },
): Promise<void> {
  let refusal: string | null = null;
  for (const trigger of triggers) {
    const named = isEventType(trigger) ? trigger : trigger.event;
    if (named === undefined) continue;
    const isMeant = event.name === INVOKED_EVENT || isEventMatch(isEventType(named) ? named.name : named, event.name);
    if (!isMeant) continue;
    const issues = isEventType(named) ? await dataIssues(named, event.data) : null;
    if (issues === null) return;
    refusal ??= issues;
  }
  if (refusal !== null) throw eventDataInvalid({ name: event.name, verb: "receive", issues: refusal });
}
