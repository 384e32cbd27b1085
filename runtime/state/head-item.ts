/** Owns: a run's head ⇄ its item. Old shapes are translated here and nowhere else. */
import type { SerializedError } from "../../sdk/protocol.js";
import {
  NO_PLACES,
  type Divergence,
  type Effect,
  type ParentOp,
  type Places,
  type RunHead,
  type RunStatus,
} from "../core/run.js";
import { number, readNumber, readText, requireNumber, requireText, text, type Item } from "./attributes.js";
import { dueShard, functionIndex, headKey } from "./keys.js";
import { packedAttribute, readPacked, type Packed } from "./payloads.js";

/** What a head is created with. */
export interface NewRun {
  runId: string;
  functionId: string;
  eventId: string;
  trace?: string;
  /** The triggering events as JSON, when small enough to travel with the head. */
  events: Packed | null;
  createdAtMs: number;
  notBeforeMs: number | null;
  dueAtMs: number;
  ttlSeconds: number;
  /** Of a run that another one has invoked. */
  invoked?: Invoked | undefined;
  /** Where events look for this run to cancel it. */
  cancelOn?: readonly string[];
  /** Which concurrency limits count it. */
  slots?: readonly string[];
}

/** Where an invoked run comes from. */
export interface Invoked {
  parent: ParentOp;
  depth: number;
  quiet: boolean;
}

/** A head and what travels with it. */
export interface StoredRun {
  head: RunHead;
  events: Packed | null;
  output: Packed | null;
}

export function newHeadItem(run: NewRun): Item {
  const key = headKey(run.runId);
  const index = functionIndex(run.functionId, run.runId, run.createdAtMs);
  return {
    pk: text(key.pk),
    sk: text(key.sk),
    fn: text(run.functionId),
    status: text("Queued"),
    epoch: number(0),
    leaseUntil: number(0),
    token: text("created"),
    wakes: number(0),
    seals: { M: {} },
    logged: number(0),
    crashes: number(0),
    objects: number(0),
    eventId: text(run.eventId),
    createdAt: number(run.createdAtMs),
    fnKey: text(index.fnKey),
    fnSort: text(index.fnSort),
    dueShard: text(dueShard(run.runId)),
    due: number(run.dueAtMs),
    ttl: number(run.ttlSeconds),
    ...(run.events ? { events: packedAttribute(run.events) } : {}),
    ...(run.notBeforeMs === null ? {} : { notBefore: number(run.notBeforeMs) }),
    ...(run.trace === undefined ? {} : { trace: text(run.trace) }),
    ...(run.invoked ? invokedAttributes(run.invoked) : {}),
    ...(run.cancelOn && run.cancelOn.length > 0 ? { cancelOn: text(run.cancelOn.join(" ")) } : {}),
    ...(run.slots && run.slots.length > 0 ? { slots: text(run.slots.join(" ")) } : {}),
  };
}

function invokedAttributes({ parent, depth, quiet }: Invoked): Item {
  return {
    parent: text(JSON.stringify(parent)),
    depth: number(depth),
    ...(quiet ? { quiet: { BOOL: true } } : {}),
  };
}

export function readHead(item: Item): StoredRun {
  const runId = requireText(item, "pk").split("#")[2] ?? "";
  const timerName = readText(item, "timer");
  const head: RunHead = {
    runId,
    functionId: requireText(item, "fn"),
    status: readStatus(requireText(item, "status")),
    epoch: requireNumber(item, "epoch"),
    holder: readText(item, "holder"),
    claimMessageId: readText(item, "claimMsg"),
    leaseUntilMs: requireNumber(item, "leaseUntil"),
    token: requireText(item, "token"),
    wakes: requireNumber(item, "wakes"),
    seals: readSeals(item),
    logged: requireNumber(item, "logged"),
    crashes: requireNumber(item, "crashes"),
    effects: readEffects(item),
    dueAtMs: readNumber(item, "due"),
    sweeps: readNumber(item, "sweeps") ?? 0,
    ttlSeconds: requireNumber(item, "ttl"),
    eventId: requireText(item, "eventId"),
    trace: readText(item, "trace"),
    createdAtMs: requireNumber(item, "createdAt"),
    startedAtMs: readNumber(item, "startedAt"),
    endedAtMs: readNumber(item, "endedAt"),
    notBeforeMs: readNumber(item, "notBefore"),
    timer: timerName === null ? null : { name: timerName, atMs: requireNumber(item, "timerAt") },
    objects: readNumber(item, "objects") ?? 0,
    cancelOn: readText(item, "cancelOn")?.split(" ") ?? [],
    slots: readText(item, "slots")?.split(" ") ?? [],
    places: readPlaces(item),
    parent: readParent(item),
    depth: readNumber(item, "depth") ?? 0,
    quiet: item["quiet"]?.BOOL === true,
    error: readError(item, "error"),
    reason: readError(item, "reason"),
    diverged: readDivergence(item),
  };
  return { head, events: readPacked(item["events"]), output: readPacked(item["output"]) };
}

const STATUSES: readonly RunStatus[] = ["Queued", "Running", "Completed", "Failed", "Cancelled"];

function readStatus(value: string): RunStatus {
  const status = STATUSES.find((known) => known === value);
  if (!status) throw new TypeError(`Cannot read run status "${value}"; expected one of ${STATUSES.join(", ")}`);
  return status;
}

function readSeals(item: Item): Map<number, number> {
  const seals = new Map<number, number>();
  for (const [epoch, count] of Object.entries(item["seals"]?.M ?? {})) seals.set(Number(epoch), Number(count.N));
  return seals;
}

const EFFECTS: readonly Effect[] = ["timer", "waiters", "cancel-waiters", "slots", "payloads", "announce"];

function readEffects(item: Item): Effect[] {
  return (item["effects"]?.L ?? []).flatMap((value) => EFFECTS.filter((known) => known === value.S));
}

function readPlaces(item: Item): Places {
  const json = readText(item, "places");
  // Written by a release and by nothing else.
  return json === null ? NO_PLACES : (JSON.parse(json) as Places);
}

function readParent(item: Item): ParentOp | null {
  const json = readText(item, "parent");
  // Written by `invokedAttributes` above and by nothing else.
  return json === null ? null : (JSON.parse(json) as ParentOp);
}

function readError(item: Item, name: "error" | "reason"): SerializedError | null {
  const json = readText(item, name);
  // Written by `errorAttribute` below and by nothing else.
  return json === null ? null : (JSON.parse(json) as SerializedError);
}

function readDivergence(item: Item): Divergence | null {
  const json = readText(item, "diverged");
  // Written by a release and by nothing else.
  return json === null ? null : (JSON.parse(json) as Divergence);
}

export function errorAttribute(error: SerializedError): { S: string } {
  return { S: JSON.stringify(error) };
}

export function effectsAttribute(effects: readonly Effect[]): { L: { S: string }[] } {
  return { L: effects.map((effect) => ({ S: effect })) };
}
