/**
 * Owns: how every item of the table is keyed. The only file that spells keys.
 * Rules: a key begins with what an IAM leading-key condition can fence (a worker touches its own app's runs only); no
 * partition key is constant: what every call reads is spread over shards.
 * Ids that come in here are validated at the edge (no '#'), so that no id can spell another item's key.
 */
import { createHash } from "node:crypto";
import { appOfRun } from "../core/ids.js";

export interface Key {
  pk: string;
  sk: string;
}

/** What partition keys begin with, as IAM's `dynamodb:LeadingKeys` compares them: the fences roles are built from. */
export const KEY_FENCES = {
  runsOf: (appId: string): string => `${appId}#RUN#*`,
  runs: "*#RUN#*",
  events: "EVENT#*",
  senderIds: "DEDUP#*",
  apps: "APP#*",
  appLists: "REGISTRY#*",
  quarantine: "QUARANTINE#*",
  waitersOf: (appId: string): string => `${appId}#WAIT#*`,
  waiters: "*#WAIT#*",
  slotsOf: (appId: string): string => `${appId}#SLOT#*`,
  shapes: "SHAPE#*",
  signals: "SIGNAL#*",
  cancellations: "CANCELLATION#*",
} as const;

const EPOCH_DIGITS = 6;
const LOG_DIGITS = 6;
const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");

export const HEAD_SORT_KEY = "RUN";
export const LOG_PREFIX = "LOG#";
export const INBOX_PREFIX = "IN#";

export function runPartition(runId: string): string {
  return `${appOfRun(runId)}#RUN#${runId}`;
}

export function headKey(runId: string): Key {
  return { pk: runPartition(runId), sk: HEAD_SORT_KEY };
}

/** What the sort keys of one epoch's log items begin with. */
export function logEpochPrefix(epoch: number): string {
  return `${LOG_PREFIX}${pad(epoch, EPOCH_DIGITS)}#`;
}

/** Entries sort by epoch, then by n: the order of the log. */
export function logKey(runId: string, epoch: number, n: number): Key {
  return { pk: runPartition(runId), sk: `${logEpochPrefix(epoch)}${pad(n, LOG_DIGITS)}` };
}

/** The outcome of one operation, by the hash of its id and occurrence (core/ids.ts, `stepHash`). */
export function inboxKey(runId: string, opHash: string): Key {
  return { pk: runPartition(runId), sk: `${INBOX_PREFIX}${opHash}` };
}

/** Which results of a group of distributed steps are missing: a shard of their names, or (null) of the shards. */
export function fanKey(runId: string, group: string, shard: number | null): Key {
  return { pk: runPartition(runId), sk: shard === null ? `FAN#${group}` : `FAN#${group}#${shard}` };
}

export const BRANCH_PREFIX = "BRANCH#";

/** What is on record of a distributed step on its way. */
export function branchKey(runId: string, opHash: string): Key {
  return { pk: runPartition(runId), sk: `${BRANCH_PREFIX}${opHash}` };
}

export function opOfBranchKey(sortKey: string): string {
  return sortKey.slice(BRANCH_PREFIX.length);
}

export function opOfInboxKey(sortKey: string): string {
  return sortKey.slice(INBOX_PREFIX.length);
}

export function parseLogSortKey(sortKey: string): { epoch: number; n: number } {
  const [, epoch = "", n = ""] = sortKey.split("#");
  return { epoch: Number(epoch), n: Number(n) };
}

export function eventKey(eventId: string): Key {
  return { pk: `EVENT#${eventId}`, sk: "EVENT" };
}

/**
 * A sender's event id, per function: hashed, since it may hold any characters and be long. Hashed as JSON, since in UTF-8
 * alone all lone surrogates are one character and two ids would be the same.
 */
export function dedupKey(appId: string, functionId: string, senderId: string): Key {
  return { pk: `DEDUP#${appId}#${functionId}#${digest(JSON.stringify(senderId))}`, sk: "DEDUP" };
}

/**
 * A function's own idempotency key for an event. The expression is a part of it: under another one the same value means
 * something else. Hashed from a list, where a sender's id is hashed from a text: the two are never one item.
 */
export function idempotencyKey(appId: string, functionId: string, expression: string, value: string): Key {
  return { pk: `DEDUP#${appId}#${functionId}#${digest(JSON.stringify([expression, value]))}`, sk: "KEY" };
}

/** 132 bits of a digest: no two keys meet by chance, and the heads of runs, which keep some, stay small. */
const WAITER_DIGEST_CHARACTERS = 22;

/**
 * All of an app that wait for an event of that name with these values in these fields. Hashed as JSON: an event's name and
 * what it holds may be any text.
 */
export function waiterPartition(
  appId: string,
  eventName: string,
  fields: readonly string[],
  values: readonly string[],
): string {
  const hash = digest(JSON.stringify([eventName, fields, values])).slice(0, WAITER_DIGEST_CHARACTERS);
  return waiterPartitionOf(appId, hash);
}

export function waiterPartitionOf(appId: string, hash: string): string {
  return `${appId}#WAIT#${hash}`;
}

/** The part of a waiter's partition key that tells it from the app's others. */
export function waiterHash(partition: string): string {
  return partition.slice(partition.lastIndexOf("#") + 1);
}

/** A wait's `k`-th event. */
export function waitSlot(opHash: string, k: number): string {
  return k === 0 ? opHash : `${opHash}#${k}`;
}

/** The `k`-th entry of a function's `cancelOn`. No operation's hash is as short. */
export function cancelSlot(k: number): string {
  return `c${k}`;
}

export function waiterKey(partition: string, runId: string, slot: string): Key {
  return { pk: partition, sk: `${runId}#${slot}` };
}

/** 132 bits: no two keys of an app's limits meet by chance. */
const SLOT_DIGEST_CHARACTERS = 22;

/** Names what a concurrency limit counts: the parts say whose limit it is, and the value of its key. */
export function slotHash(...parts: readonly (string | null)[]): string {
  return digest(JSON.stringify(parts)).slice(0, SLOT_DIGEST_CHARACTERS);
}

/** The slots that are taken under one key of a concurrency limit, and the tickets of those who wait for one. */
export function slotPartition(appId: string, hash: string): string {
  return `${appId}#SLOT#${hash}`;
}

const SLOT_DIGITS = 6;

export const SLOT_PREFIX = "A#";
/** Sorts behind every slot, so that one query sees what is beyond a limit and who waits. */
export const TICKET_PREFIX = "Q#";

export function slotSortKey(index: number): string {
  return `${SLOT_PREFIX}${pad(index, SLOT_DIGITS)}`;
}

export function indexOfSlotKey(sortKey: string): number {
  return Number(sortKey.slice(SLOT_PREFIX.length));
}

/** Older runs first. The same for a run's seat whenever it is made: to queue twice is to queue once. */
export function ticketSortKey(createdAtMs: number, runId: string, seat: string): string {
  return `${TICKET_PREFIX}${pad(createdAtMs, 14)}#${runId}#${seat}`;
}

/** For each event name, which fields are looked up. The name ends the key, so that it may hold anything. */
export function shapePartition(eventName: string): string {
  return `SHAPE#${eventName}`;
}

export function shapeKey(eventName: string, appId: string, fields: readonly string[]): Key {
  return { pk: shapePartition(eventName), sk: `${appId}#${digest(JSON.stringify(fields))}` };
}

/** Who waits for a signal. Names are the platform's, not an app's: another app may send what this one waits for. */
export function signalKey(signal: string): Key {
  return { pk: `SIGNAL#${digest(JSON.stringify(signal))}`, sk: "SIGNAL" };
}

/** What one sending of a signal, known by its token, was aimed at. */
export function sentSignalKey(signal: string, token: string): Key {
  return { pk: signalKey(signal).pk, sk: `SENT#${digest(JSON.stringify(token))}` };
}

/** A bulk cancel and how far it has come. */
export function cancellationKey(id: string): Key {
  return { pk: `CANCELLATION#${id}`, sk: "CANCELLATION" };
}

export function appKey(appId: string): Key {
  return { pk: `APP#${appId}`, sk: "APP" };
}

export const FUNCTION_PREFIX = "FN#";

export function functionKey(appId: string, functionId: string): Key {
  return { pk: `APP#${appId}`, sk: `${FUNCTION_PREFIX}${functionId}` };
}

/** Copies of the list of apps; a reader takes any one. Each serves 3,000 strongly consistent reads a second. */
export const REGISTRY_SHARDS = 8;

export function registryKey(shard: number): Key {
  return { pk: `REGISTRY#${shard % REGISTRY_SHARDS}`, sk: "APPS" };
}

export function quarantineKey(atMs: number, id: string): Key {
  return { pk: `QUARANTINE#${new Date(atMs).toISOString().slice(0, 10)}`, sk: id };
}

/** 32 partitions of due times: 32,000 changes a second (PROTOCOL §4). */
export const DUE_SHARDS = 32;

export function dueShard(runId: string): string {
  return dueShardName(shardOf(runId, DUE_SHARDS));
}

export function dueShardName(shard: number): string {
  return `DUE#${pad(shard, 2)}`;
}

/** Four partitions for one function's runs of one month: 4,000 starts a second, what a new table takes (ADR 0005). */
export const FUNCTION_SHARDS = 4;

/** Where a run stands in the list of its function's runs. */
export function functionIndex(
  functionId: string,
  runId: string,
  createdAtMs: number,
): { fnKey: string; fnSort: string } {
  const month = new Date(createdAtMs).toISOString().slice(0, 7);
  const shard = shardOf(runId, FUNCTION_SHARDS);
  return {
    fnKey: functionPartition(appOfRun(runId), functionId, month, shard),
    fnSort: functionSort(createdAtMs, runId),
  };
}

export function functionPartition(appId: string, functionId: string, month: string, shard: number): string {
  return `${appId}#${functionId}#${month}#${shard}`;
}

export function functionSort(createdAtMs: number, runId: string): string {
  return `${pad(createdAtMs, 14)}#${runId}`;
}

export function parseFunctionSort(fnSort: string): { createdAtMs: number; runId: string } {
  const separator = fnSort.indexOf("#");
  return { createdAtMs: Number(fnSort.slice(0, separator)), runId: fnSort.slice(separator + 1) };
}

/** Eight partitions a day for the events of one name: 8,000 a second. */
export const TIME_SHARDS = 8;

export function timeIndex(
  eventName: string,
  eventId: string,
  receivedAtMs: number,
): { timeKey: string; timeSort: string } {
  const day = new Date(receivedAtMs).toISOString().slice(0, 10);
  return {
    timeKey: timePartition(eventName, day, shardOf(eventId, TIME_SHARDS)),
    timeSort: `${timeBound(receivedAtMs)}${eventId}`,
  };
}

export function timePartition(eventName: string, day: string, shard: number): string {
  return `EVENTS#${day}#${shard}#${eventName}`;
}

/** Before every event received at that time or later, and after all others. */
export function timeBound(receivedAtMs: number): string {
  return `${pad(receivedAtMs, 14)}#`;
}

export function parseTimeSort(timeSort: string): { receivedAtMs: number; eventId: string } {
  const separator = timeSort.indexOf("#");
  return { receivedAtMs: Number(timeSort.slice(0, separator)), eventId: timeSort.slice(separator + 1) };
}

/** Where a payload too large for the table is kept. */
export function payloadObjectKey(owner: string, name: string): string {
  return `${owner}/${name}`;
}

function shardOf(id: string, shards: number): number {
  return createHash("sha256").update(id).digest().readUInt32BE(0) % shards;
}

function digest(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("base64url");
}
