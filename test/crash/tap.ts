/**
 * Owns: a tap on the table: it sees every write to a run in the instant in which it is applied, whoever made it and whether
 * or not its answer arrived. It notes what no look from outside could be sure of: how often a run ended, and what was
 * written to it afterwards.
 * Must not: change what it sees.
 */
import type { RunHead } from "../../runtime/core/run.js";
import { isLive } from "../../runtime/core/run.js";
import { isEntryOf } from "../../runtime/state/log-store.js";
import { HEAD_SORT_KEY, signalKey } from "../../runtime/state/keys.js";
import type { Item } from "../../runtime/state/attributes.js";
import type { Input } from "../../local/aws/model.js";
import type { World } from "../../local/world/world.js";
import { Peek } from "./peek.js";

const SIGNAL_SORT_KEY = signalKey("any").sk;

export interface RunFate {
  /** Writes that made a live run an ended one. */
  ends: number;
  /** What changed after the run had ended, though nothing may. */
  changedAfterEnd: string[];
}

/** What the table is told instead of what it was asked. */
export type Sabotage = (operation: string, input: Input) => Input;

export class Tap {
  readonly fates = new Map<string, RunFate>();
  /** Waits for events and signals that are armed, by key, and until when. */
  readonly waits = new Map<string, number>();
  readonly #lastSeen = new Map<string, RunHead>();

  constructor(world: World, now: () => number, sabotage: Sabotage = (_, input) => input) {
    const { dynamodb } = world.aws;
    const execute = dynamodb.execute.bind(dynamodb);
    dynamodb.execute = (operation, input, context) => {
      const output = execute(operation, sabotage(operation, input), context);
      const runId = operation === "UpdateItem" ? headOf(input["Key"]) : null;
      if (runId !== null) this.#note(runId, new Peek(world, now()).head(runId));
      if (operation === "PutItem") this.#noteLogItem(input["Item"]);
      if (operation === "PutItem") this.#noteWait(input["Item"], true);
      if (operation === "DeleteItem") this.#noteWait(input["Key"], false);
      return output;
    };
  }

  /** An ended run's log is closed; only what a seal shuts out may still arrive. */
  #noteLogItem(item: unknown): void {
    const { pk, sk } = item as Item;
    const head = this.#lastSeen.get(pk?.S?.split("#")[2] ?? "");
    if (head && !isLive(head.status) && isEntryOf(head, sk?.S ?? "")) {
      this.fates.get(head.runId)?.changedAfterEnd.push(`${sk?.S} was written`);
    }
  }

  #noteWait(item: unknown, isArmed: boolean): void {
    // The model has accepted it, so it has the SDK's shape.
    const { pk, sk, until, waitsUntil } = item as Item;
    const name = `${pk?.S} / ${sk?.S}`;
    if (!name.includes("#WAIT#") && sk?.S !== SIGNAL_SORT_KEY) return;
    if (isArmed) this.waits.set(name, Number(until?.N ?? waitsUntil?.N));
    else this.waits.delete(name);
  }

  #note(runId: string, head: RunHead | null): void {
    const before = this.#lastSeen.get(runId);
    if (!head) return;
    this.#lastSeen.set(runId, head);
    const fate = this.fates.get(runId) ?? { ends: 0, changedAfterEnd: [] };
    this.fates.set(runId, fate);
    if (before === undefined || isLive(before.status)) {
      if (!isLive(head.status)) fate.ends += 1;
      return;
    }
    for (const member of ["status", "endedAtMs", "epoch", "leaseUntilMs", "holder", "startedAtMs"] as const) {
      if (before[member] !== head[member]) fate.changedAfterEnd.push(`${member}: ${before[member]} → ${head[member]}`);
    }
  }
}

/** The run whose head the key names, or null when it is another item's. */
function headOf(key: unknown): string | null {
  // The model has accepted the key, so it has the SDK's shape.
  const { pk, sk } = key as Item;
  return sk?.S === HEAD_SORT_KEY ? (pk?.S?.split("#")[2] ?? null) : null;
}
