/**
 * Owns: what an event looks like to the person who sends it and to the function that receives it, event types with a
 * schema, and the way from a payload to what goes over the wire.
 * Must not: send anything.
 * V1 A schema checks data and never changes it: a function sees what was sent, as JSON. So a schema that transforms
 *    (input and output differ, defaults included), or whose data JSON cannot hold, does not compile.
 */
import { eventDataInvalid, eventNotSendable, eventTypeInvalid, type Fault } from "./errors.js";
import type { Json, OutgoingEvent } from "./protocol.js";
import {
  isStandardSchema,
  schemaIssues,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
} from "./standard-schema.js";
import { isSystemEvent } from "./system-events.js";

/** Names that begin so are kept for platforms' own events (system-events.ts): they cannot be sent. */
const RESERVED_PREFIXES = ["perdure/", "inngest/"] as const;

// Ingest has the same limits and the last word; here they speak before anything leaves the process.
const MAX_NAME_CHARACTERS = 256;
const MAX_ID_CHARACTERS = 256;
const MAX_VERSION_CHARACTERS = 64;

/**
 * Data of an event nobody has declared: any JSON, and any member may be missing. Declare the event (the type parameter
 * of `Perdure`, or `eventType`) and its data is typed.
 */
export type UntypedData = { [key: string]: Json | undefined };

/** Event names and the type of their data, as given to `new Perdure<Events>()`. An interface or a type alias. */
export type EventMap<Events> = { [Name in keyof Events]: object };

/** An event as a function receives it. `id` is the sender's id if one was given; `ts` is ms since 1970. */
export interface ReceivedEvent<Name extends string = string, Data = UntypedData> {
  name: Name;
  data: Data;
  id: string;
  ts: number;
  v?: string;
}

/**
 * What starts a run at a cron's times. As ISO 8601: `scheduledAt` is the nominal time, `fireAt` when the run may start, which
 * is later by the trigger's jitter. `ts` is `fireAt` in ms.
 */
export type ScheduledEvent = ReceivedEvent<
  "perdure/scheduled.timer",
  { cron: string; scheduledAt: string; fireAt: string }
>;

export interface EventOptions {
  /** The same id within 24 hours starts each function once. */
  id?: string | undefined;
  /** When it happened: ms since 1970 or a Date. A time to come delays the start of its runs. */
  ts?: number | Date | undefined;
  /** A version of the event's shape, for your own use. */
  v?: string | undefined;
}

/** Lists, maps and strings have an iterator; the data of an event is an object with named members. */
type NamedMembers = { [Symbol.iterator]?: never };
/** Literals and type aliases fit the first, interfaces, which have no index signature, the second. */
export type EventData = ({ [member: string]: unknown } & NamedMembers) | (object & NamedMembers);

/** An event to send. The data of a declared event is checked; that of any other is any object JSON can hold. */
export type EventPayload<
  Events extends EventMap<Events> = Record<never, never>,
  Name extends string = string,
> = Name extends keyof Events
  ? EventOptions & { name: Name; data: Events[Name] }
  : EventOptions & { name: Name; data?: EventData };

/** The payload as a parameter: the name stands outside the condition too, where the compiler can infer it in a list. */
export type Sendable<Events extends EventMap<Events>, Name extends string> = { name: Name } & EventPayload<
  Events,
  Name
>;

/** What `EventType.create` returns: a payload that knows the schema it must fit when it is sent. */
export interface CreatedEvent<Name extends string, Data> extends EventOptions {
  name: Name;
  data: Data;
}

// By key, not by class, so that a second copy of this package knows them too.
const eventTypeBrand = Symbol.for("perdure.EventType");
const createdFrom = Symbol.for("perdure.createdFrom");

/** A named event whose data has a type, and is checked against a schema if there is one. */
export interface EventType<Name extends string = string, Data = unknown> {
  readonly [eventTypeBrand]: true;
  readonly name: Name;
  readonly schema: StandardSchema | undefined;
  /** A payload for `send` and `step.sendEvent`, which check it against the schema before anything is sent. */
  create(data: Data, options?: EventOptions): CreatedEvent<Name, Data>;
}

/** Readable in the compiler's message: the property is missing, and its type says why it would have to be there. */
interface Refused<Reason extends string> {
  readonly "~refused": Reason;
}

type SchemaRule<Schema extends StandardSchema> = [SchemaInput<Schema>, SchemaOutput<Schema>] extends [
  SchemaOutput<Schema>,
  SchemaInput<Schema>,
]
  ? [SchemaInput<Schema>] extends [JsonObjectOf<SchemaInput<Schema>>]
    ? unknown
    : Refused<"the data of an event is an object of JSON values: no Date, bigint, Map, function or list">
  : Refused<"the schema of an event checks data and must not transform it: its input and output types differ">;

type JsonObjectOf<T> = 0 extends 1 & T ? T : T extends object & NamedMembers ? JsonSafe<T> : never;

/** The type itself where JSON holds it as it is, with `never` where it does not. */
type JsonSafe<T> = 0 extends 1 & T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint | symbol | Function | { toJSON(...parameters: never): unknown }
      ? never
      : T extends object
        ? { [Key in keyof T]: JsonSafe<T[Key]> }
        : T;

/**
 * Names an event and types its data. With a schema (zod, valibot, arktype: any Standard Schema library) the data is also
 * checked: before it is sent, and again before a function that is triggered by it starts. A name with a wildcard serves
 * as a trigger only.
 *
 * @example
 * const userCreated = eventType("app/user.created", { schema: z.object({ userId: z.string() }) });
 * const welcome = perdure.createFunction({ id: "welcome", triggers: userCreated }, ({ event }) => event.data.userId);
 * await perdure.send(userCreated.create({ userId: "u_1" }));
 */
export function eventType<const Name extends string>(name: Name): EventType<Name, UntypedData>;
export function eventType<const Name extends string, Schema extends StandardSchema>(
  name: Name,
  options: { schema: Schema & SchemaRule<Schema> },
): EventType<Name, SchemaOutput<Schema>>;
export function eventType(name: string, options: { schema?: StandardSchema } = {}): EventType {
  const fault = eventNameFault(name, { wildcard: true });
  if (fault) throw eventTypeInvalid({ name, ...fault });
  const { schema } = options;
  if (schema !== undefined && !isStandardSchema(schema)) {
    throw eventTypeInvalid({
      name,
      is: "its schema is not a Standard Schema",
      expected: "a schema of zod, valibot, …",
    });
  }
  const type: EventType = {
    [eventTypeBrand]: true,
    name,
    schema,
    create: (data, eventOptions) => ({ ...eventOptions, name, data, [createdFrom]: type }),
  };
  return Object.freeze(type);
}

export function isEventType(value: unknown): value is EventType {
  return typeof value === "object" && value !== null && Reflect.get(value, eventTypeBrand) === true;
}

/**
 * What is wrong with a name, or null. A wildcard is a `*` at the end, directly after `/` or `.`. `system`: the platform's own
 * events will do, too, each by its whole name.
 */
export function eventNameFault(
  name: unknown,
  { wildcard, system = false }: { wildcard: boolean; system?: boolean },
): Fault | null {
  if (system && isSystemEvent(name)) return null;
  if (typeof name !== "string" || name === "") {
    return { is: "its event name is not text", expected: 'a name such as "app/user.created"' };
  }
  if (name.length > MAX_NAME_CHARACTERS) {
    return { is: `its event name has ${name.length} characters`, expected: `at most ${MAX_NAME_CHARACTERS}` };
  }
  // A lone surrogate has no UTF-8: stored, the name would silently be another one.
  if (/[\p{Cc}\p{Cs}]/u.test(name)) {
    return { is: "its event name has characters that cannot be stored", expected: "no control characters" };
  }
  const reserved = RESERVED_PREFIXES.find((prefix) => name.startsWith(prefix));
  if (reserved !== undefined) {
    return { is: `names that begin with "${reserved}" are reserved`, expected: "a name of your own" };
  }
  const star = name.indexOf("*");
  if (star === -1) return null;
  if (!wildcard) return { is: "its event name has a wildcard", expected: "the name of one event" };
  if (star === name.length - 1 && /[/.]\*$/.test(name)) return null;
  return {
    is: `the wildcard in ${JSON.stringify(name)} matches nothing there`,
    expected: 'a "*" at the end, directly after "/" or ".", such as "app/*" or "app/user.*"',
  };
}

/**
 * Payloads as they go over the wire: data as JSON, times in ms, checked against the schema they were created with.
 * All or nothing: the first event that is wrong rejects with EVENT_NOT_SENDABLE or EVENT_DATA_INVALID.
 */
export async function outgoingEvents(payloads: EventPayload | readonly EventPayload[]): Promise<OutgoingEvent[]> {
  const outgoing: OutgoingEvent[] = [];
  for (const payload of isList(payloads) ? payloads : [payloads]) outgoing.push(await outgoingEvent(payload));
  return outgoing;
}

/** `Array.isArray` does not narrow a readonly array. */
function isList(payloads: EventPayload | readonly EventPayload[]): payloads is readonly EventPayload[] {
  return Array.isArray(payloads);
}

async function outgoingEvent(payload: EventPayload): Promise<OutgoingEvent> {
  if (typeof payload !== "object" || payload === null) {
    throw eventNotSendable({ name: payload, is: "it is not an object", expected: "{ name, data }" });
  }
  const { name, id, v } = payload;
  const fault =
    eventNameFault(name, { wildcard: false }) ??
    textFault("id", id, MAX_ID_CHARACTERS) ??
    textFault("v", v, MAX_VERSION_CHARACTERS);
  if (fault) throw eventNotSendable({ name, ...fault });
  const outgoing: OutgoingEvent = { name, data: jsonData(name, payload.data) };
  const ts = timeMs(name, payload.ts);
  if (ts !== undefined) outgoing.ts = ts;
  if (id !== undefined) outgoing.id = id;
  if (v !== undefined) outgoing.v = v;
  const type: unknown = Reflect.get(payload, createdFrom);
  if (isEventType(type)) await requireValidData(type, outgoing, "send");
  return outgoing;
}

function textFault(member: string, value: unknown, maxCharacters: number): Fault | null {
  if (value === undefined) return null;
  if (typeof value === "string" && value.length >= 1 && value.length <= maxCharacters) return null;
  return { is: `its ${member} is not usable`, expected: `text of 1 to ${maxCharacters} characters, or no ${member}` };
}

/** The data as the receiver will see it. */
function jsonData(name: string, data: unknown): { [key: string]: Json } {
  if (data === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(JSON.stringify(data) ?? "null");
  } catch (cause) {
    throw eventNotSendable({ name, is: "its data has no JSON", expected: "no cycles and no bigint" }, { cause });
  }
  if (!isJsonObject(json)) {
    throw eventNotSendable({ name, is: "its data is not an object", expected: "an object with named members" });
  }
  return json;
}

/** Holds for what JSON.parse returned, and for nothing else. */
function isJsonObject(json: unknown): json is { [key: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function timeMs(name: string, ts: unknown): number | undefined {
  if (ts === undefined) return undefined;
  const ms = ts instanceof Date ? ts.getTime() : ts;
  if (typeof ms === "number" && Number.isFinite(ms)) return Math.trunc(ms);
  throw eventNotSendable({ name, is: "its ts is not a point in time", expected: "a Date or ms since 1970" });
}

/** Rejects with EVENT_DATA_INVALID when the data does not fit the type's schema. */
export async function requireValidData(
  type: EventType,
  event: { name: string; data?: unknown },
  verb: "send" | "receive",
): Promise<void> {
  const issues = await dataIssues(type, event.data);
  if (issues !== null) throw eventDataInvalid({ name: event.name, verb, issues });
}

/** What the type's schema has against the data as one line, or null. */
export async function dataIssues(type: EventType, data: unknown): Promise<string | null> {
  return type.schema === undefined ? null : schemaIssues(type.schema, data);
}
