/**
 * Owns: a tap on the table: it sees every write to a run in the instant in which it is applied, whoever made it and whether
 * or not its answer arrived. It notes what no look from outside could be sure of: how often a run ended, and what was
 * written to it afterwards.
 * Must not: change what it sees.
 */
import { HEAD_SORT_KEY, signalKey } from "../../runtime/state/keys.js";
import type { RunHead } from "../../runtime/core/run.js";
import type { Item } from "../../runtime/state/attributes.js";
import type { Input } from "../../local/aws/model.js";
import type { World } from "../../local/world/world.js";
import { Fates } from "./fates.js";
import { Peek } from "./peek.js";
import { Shifts } from "./shifts.js";

const SIGNAL_SORT_KEY = signalKey("any").sk;

/** What the table is told instead of what it was asked. */
export type Sabotage = (operation: string, input: Input) => Input;

export class Tap {
  readonly fates = new Fates();
  readonly shifts = new Shifts();
  /** Places of concurrency limits that are taken, and tickets of those who wait for one, by key. */
  readonly places = new Set<string>();
  /** Waits for events and signals that are armed, by key, and until when. */
  readonly waits = new Map<string, number>();

  constructor(world: World, now: () => number, sabotage: Sabotage = (_, input) => input) {
    const { dynamodb } = world.aws;
    const execute = dynamodb.execute.bind(dynamodb);
    dynamodb.execute = (operation, input, context) => {
      const output = execute(operation, sabotage(operation, input), context);
      const runId = operation === "UpdateItem" ? headOf(input["Key"]) : null;
      if (runId !== null) this.#noteHead(new Peek(world, now()).head(runId), now());
      if (operation === "PutItem") this.#noteLogItem(input["Item"]);
      if (operation === "PutItem") this.#noteWait(input["Item"], true);
      if (operation === "DeleteItem") this.#noteWait(input["Key"], false);
      if (operation === "PutItem") this.#notePlace(input["Item"], true);
      if (operation === "DeleteItem") this.#notePlace(input["Key"], false);
      return output;
    };
  }

  #noteHead(head: RunHead | null, atMs: number): void {
    this.fates.noteHead(head);
    if (head) this.shifts.note(head, atMs);
  }

  #notePlace(item: unknown, isThere: boolean): void {
    const { pk, sk } = item as Item;
    if (!pk?.S?.includes("#SLOT#")) return;
    const name = `${pk.S} / ${sk?.S}`;
    if (isThere) this.places.add(name);
    else this.places.delete(name);
  }

  #noteLogItem(item: unknown): void {
    const { pk, sk } = item as Item;
    this.fates.noteLogItem(pk?.S?.split("#")[2] ?? "", sk?.S ?? "");
  }

  #noteWait(item: unknown, isArmed: boolean): void {
    // The model has accepted it, so it has the SDK's shape.
    const { pk, sk, until, waitsUntil } = item as Item;
    const name = `${pk?.S} / ${sk?.S}`;
    if (!name.includes("#WAIT#") && sk?.S !== SIGNAL_SORT_KEY) return;
    if (isArmed) this.waits.set(name, Number(until?.N ?? waitsUntil?.N));
    else this.waits.delete(name);
  }
}

/** The run whose head the key names, or null when it is another item's. */
function headOf(key: unknown): string | null {
  // The model has accepted the key, so it has the SDK's shape.
  const { pk, sk } = key as Item;
  return sk?.S === HEAD_SORT_KEY ? (pk?.S?.split("#")[2] ?? null) : null;
}
