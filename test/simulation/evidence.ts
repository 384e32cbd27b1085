/**
 * Owns: what is left of a world when everything is over, gathered for the checks: the runs as they stand in the table, what
 * functions told of themselves, what the outside did and what it was answered.
 * Must not: judge; checks.ts does.
 */
import type { RunHead } from "../../runtime/core/run.js";
import type { LogEntry } from "../../sdk/protocol.js";
import type { StoredEvent } from "../../sdk/protocol.js";
import { CancellationStore, type Cancellation } from "../../runtime/state/cancellation-store.js";
import { EventStore } from "../../runtime/state/event-store.js";
import { LogStore } from "../../runtime/state/log-store.js";
import { unpack } from "../../runtime/state/payloads.js";
import type { World } from "../../local/world/world.js";
import type { Peek, QueueCount } from "../crash/peek.js";
import type { RunFate } from "../crash/fates.js";
import { markersOfEnds } from "./end-markers.js";
import type { Ledger } from "./ledger.js";
import type { Marker } from "./markers.js";
import type { BulkCancelRecord } from "./operators/bulk-cancel.js";
import type { BulkCancelTimes } from "./operators/bulk-cancel-watch.js";
import { canaryOf } from "./options/on-failure.js";
import type { Program } from "./program.js";
import type { RunTimes } from "./run-times.js";
import type { CancelRecord, PostedRequest } from "./sent-requests.js";
import type { SlotRecord } from "./slot-watch.js";
import type { Swarm } from "./swarm.js";
import type { Watch } from "./watch.js";

export interface RunEvidence {
  runId: string;
  head: RunHead;
  entries: readonly LogEntry[];
  output: unknown;
  fate: RunFate;
  times: RunTimes;
  /** What started it. */
  event: StoredEvent | null;
  /** The mark in the event that started it. */
  canary: string;
  /** Everything ever written to its log, sealed off or not. */
  written: readonly LogEntry[];
  logItems: number;
  steals: number;
  /** Wakes of it that were delivered. */
  wakes: number;
  /** Writes to its items, refused ones too. */
  writes: number;
}

/** A bulk cancel as it stands in the table. */
export interface BulkCancelEvidence extends Pick<
  Cancellation,
  "id" | "functionId" | "fromMs" | "toMs" | "condition" | "cancelled"
> {
  times: BulkCancelTimes;
}

export interface Evidence {
  seed: number;
  hash: string;
  swarm: Swarm;
  programs: readonly Program[];
  runs: readonly RunEvidence[];
  /** Loading a run failed: its log is not whole. */
  unreadable: readonly string[];
  ledger: Pick<Ledger, "bodies" | "passes" | "sleeps" | "sends" | "asked">;
  requests: readonly PostedRequest[];
  cancels: readonly CancelRecord[];
  bulkRequests: readonly BulkCancelRecord[];
  bulkCancels: readonly BulkCancelEvidence[];
  /** When the index that lists a function's runs answered from before the latest writes. */
  staleFeeds: readonly number[];
  /** What was wrong at one of the looks during the chaos. */
  orphans: readonly string[];
  /** Places of concurrency limits, whoever had them, in the order in which they were taken. */
  slots: readonly SlotRecord[];
  /** Who waited for a place at the end of the world, or too long beside one that nobody had. */
  stranded: readonly string[];
  /** When which version of the code was deployed, the first one included. */
  deploys: readonly { version: number; atMs: number }[];
  messages: readonly QueueCount[];
  timers: readonly string[];
  logLines: readonly string[];
  /** Everything in the table and on the queues, as text. */
  stored: string;
  secrets: readonly string[];
  /** Faults that struck, operators' doings included. */
  faults: number;
  calls: number;
  /** When the chaos was over. */
  healedAtMs: number;
  /** Ms of virtual time. */
  virtualMs: number;
  markers: ReadonlySet<Marker>;
  timeline: readonly string[];
}

type Gathered = Omit<
  Evidence,
  "hash" | "runs" | "unreadable" | "bulkCancels" | "messages" | "timers" | "stored" | "calls" | "timeline" | "slots"
>;

export async function collectEvidence(world: World, peek: Peek, watch: Watch, gathered: Gathered): Promise<Evidence> {
  const runs: RunEvidence[] = [];
  const unreadable: string[] = [];
  // Before any look of its own: what it calls is no part of the world.
  const hash = watch.digest();
  const calls = world.aws.faults.calls;
  for (const runId of watch.runIds) {
    try {
      runs.push(await readRun(world, peek, watch, runId));
    } catch (error) {
      unreadable.push(`${runId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const bulkCancels = await readBulkCancels(world, watch);
  const stored = JSON.stringify([world.aws.dynamodb.snapshot(), world.aws.sqs.snapshot()]);
  return {
    ...gathered,
    ...{ hash, calls, runs, unreadable, bulkCancels, stored },
    markers: new Set([...gathered.markers, ...markersOfEnds(runs, gathered.programs, bulkCancels)]),
    messages: peek.messages(),
    timers: peek.timers(),
    timeline: watch.lines,
    slots: watch.slots.history,
  };
}

async function readRun(world: World, peek: Peek, watch: Watch, runId: string): Promise<RunEvidence> {
  const services = world.services("observer");
  const loaded = await new LogStore(services).load(runId);
  if (!loaded) throw new Error("there is no such run");
  const { head, entries, output } = loaded;
  const store = new EventStore(services);
  const record = await store.get(head.eventId);
  const event: StoredEvent | null = record ? await store.unpack(record.payload) : null;
  const written = peek.written(runId);
  return {
    runId,
    head,
    entries,
    output: output ? JSON.parse(await unpack(services, output)) : null,
    fate: watch.fates.of(runId),
    times: watch.times.of(runId),
    event,
    canary: event ? canaryOf(event) : "",
    written: written.flatMap((item) => item.entries),
    logItems: written.length,
    wakes: watch.wakes.get(runId) ?? 0,
    steals: watch.steals.get(runId) ?? 0,
    writes: watch.writes.get(runId) ?? 0,
  };
}

async function readBulkCancels(world: World, watch: Watch): Promise<BulkCancelEvidence[]> {
  const store = new CancellationStore(world.services("observer"));
  const standing: BulkCancelEvidence[] = [];
  for (const [id, times] of watch.bulkCancels.times) {
    const found = await store.get(id);
    if (found) standing.push({ ...found, times });
  }
  return standing;
}
