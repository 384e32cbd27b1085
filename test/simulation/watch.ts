/**
 * Owns: seeing every write, in the instant in which it is applied, whoever made it and whether or not its answer arrived: the
 * trace and its hash, the fate of each run, and which rare things happened (markers.ts).
 * Must not: change what it sees.
 */
import { createHash } from "node:crypto";
import * as conditions from "../../runtime/state/conditions.js";
import type { RunHead } from "../../runtime/core/run.js";
import type { Item } from "../../runtime/state/attributes.js";
import { HEAD_SORT_KEY, INBOX_PREFIX, LOG_PREFIX } from "../../runtime/state/keys.js";
import { AwsServiceError, type Input, type Output, type ServiceModel } from "../../local/aws/model.js";
import type { World } from "../../local/world/world.js";
import { entriesOf, type Peek } from "../crash/peek.js";
import { Fates } from "../crash/fates.js";
import { MetMarkers, type Marker } from "./markers.js";
import { BulkCancelWatch } from "./operators/bulk-cancel-watch.js";
import { QueueWatch } from "./queue-watch.js";
import { RunTimetable } from "./run-times.js";
import { SlotWatch } from "./slot-watch.js";

const READS = new Set(["GetItem", "BatchGetItem", "Query", "GetQueueAttributes", "ListSchedules", "GetSchedule"]);

export class Watch {
  /** What is met is told in the trace, the first time. */
  readonly markers = new MetMarkers((marker) => this.note(`--- ${marker}`));
  readonly fates = new Fates();
  readonly times = new RunTimetable();
  readonly bulkCancels: BulkCancelWatch;
  readonly slots: SlotWatch;
  /** How often each run was taken over from a worker that was lost. */
  readonly steals = new Map<string, number>();
  /** Writes to each run, those refused too. */
  readonly writes = new Map<string, number>();
  readonly lines: string[] = [];
  readonly #hash = createHash("sha256");
  readonly #keepsLines: boolean;
  readonly #now: () => number;
  readonly #peek: () => Peek;
  readonly #startMs: number;
  readonly #queues: QueueWatch;

  constructor(world: World, peek: () => Peek, options: { now: () => number; keepsLines: boolean }) {
    this.#now = options.now;
    this.#keepsLines = options.keepsLines;
    this.#startMs = options.now();
    this.#peek = peek;
    const mark = (marker: Marker): void => void this.markers.add(marker);
    this.bulkCancels = new BulkCancelWatch(mark, this.#now);
    this.slots = new SlotWatch(mark, this.#now, (runId) => this.#peek().head(runId));
    this.#queues = new QueueWatch(mark, (runId) => this.slots.isQueued(runId));
    const { dynamodb, sqs, scheduler, s3 } = world.aws;
    for (const model of [dynamodb, sqs, scheduler, s3]) this.#tap(model);
  }

  /** How many wakes of each run were delivered. */
  get wakes(): ReadonlyMap<string, number> {
    return this.#queues.wakes;
  }

  get runIds(): string[] {
    return this.fates.runIds;
  }

  /** Adds a line to the trace. */
  note(line: string): void {
    const timed = `${String(this.#now() - this.#startMs).padStart(9)}  ${line}`;
    this.#hash.update(`${timed}\n`);
    if (this.#keepsLines) this.lines.push(timed);
  }

  /** Of the trace so far. */
  digest(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  #tap(model: ServiceModel): void {
    const execute = model.execute.bind(model);
    model.execute = (operation, input, context) => {
      if (READS.has(operation)) return execute(operation, input, context);
      try {
        const output = execute(operation, input, context);
        this.#applied(model.service, operation, input, output);
        return output;
      } catch (error) {
        if (error instanceof AwsServiceError) this.#refused(operation, input, error);
        throw error;
      }
    };
  }

  #applied(service: string, operation: string, input: Input, output: Output): void {
    this.note(`${service} ${operation}${about(input)}`);
    if (service === "sqs") this.#queues.applied(operation, input, output);
    if (operation === "CreateSchedule") this.markers.add("long timer");
    if (operation === "PutObject" && String(input["Key"]).startsWith("runs/")) this.markers.add("payload in S3");
    if (operation === "PutItem") this.#put(itemOf(input["Item"]));
    if (operation === "UpdateItem") this.#updated(input);
    if (operation === "DeleteItem") this.slots.removed(itemOf(input["Key"]));
  }

  #put(item: Item): void {
    const runId = runOf(item);
    const sortKey = item["sk"]?.S ?? "";
    this.bulkCancels.put(item);
    this.slots.put(item);
    if (runId === null) return;
    this.#count(runId);
    if (sortKey === HEAD_SORT_KEY) this.#noteHead(runId);
    if (!sortKey.startsWith(LOG_PREFIX)) return;
    const entries = entriesOf(item);
    if (entries.length > 1) this.markers.add("group commit");
    if (entries.some(({ k }) => k === "start")) this.markers.add("careful start");
    if (entries.some(({ k }) => k === "failed")) this.markers.add("step retried");
    if (entries.some(({ k }) => k === "gone")) this.markers.add("losers let go");
    if (entries.some(({ k }) => k === "thrown")) this.markers.add("function retried");
    if (this.fates.noteLogItem(runId, sortKey).shutOut) this.markers.add("seal shut out");
  }

  #updated(input: Input): void {
    const key = itemOf(input["Key"]);
    const runId = runOf(key);
    const condition = String(input["ConditionExpression"]);
    if (condition === conditions.EXPIRES_SOONER) this.markers.add("TTL push");
    this.bulkCancels.updated(key, itemOf(input["ExpressionAttributeValues"]));
    if (runId === null || key["sk"]?.S !== HEAD_SORT_KEY) return;
    this.#count(runId);
    if (condition === conditions.STEALABLE) {
      this.markers.add("steal");
      this.steals.set(runId, (this.steals.get(runId) ?? 0) + 1);
      this.slots.stole(runId);
    }
    if (condition === conditions.ABSORBING) this.markers.add("absorbed wake");
    // An end has the same condition.
    const isEnd = String(input["UpdateExpression"]).includes("endedAt");
    if (condition === conditions.YIELDABLE && !isEnd) this.markers.add("yield");
    if (condition === conditions.CANCELLABLE_HELD) this.markers.add("cancelled under way");
    if (condition === conditions.CANCELLABLE_RELEASED) this.markers.add("cancelled at rest");
    const claimedBy = itemOf(input["ExpressionAttributeValues"]);
    const isClaim = condition === conditions.CLAIMABLE || condition === conditions.STEALABLE;
    const sweep = isClaim ? this.#queues.sweepersWake(claimedBy) : null;
    // Who waits for a place is looked at by the sweeper now and then, by design.
    if (sweep && this.slots.isQueued(runId)) this.slots.swept(runId);
    else if (sweep && !sweep.wasQueued) this.markers.add("lost wake healed");
    const head = this.#noteHead(runId);
    if (head && condition === conditions.RELEASABLE) this.times.noteRest(head, this.#now());
    const isBulk = head?.reason?.code === "CANCELLED_IN_BULK";
    if (isBulk && condition === conditions.CANCELLABLE_HELD) this.markers.add("bulk cancel met a run under way");
    if (isBulk && condition === conditions.CANCELLABLE_RELEASED) this.markers.add("bulk cancel met a run at rest");
  }

  #noteHead(runId: string): RunHead | null {
    const head = this.#peek().head(runId);
    this.fates.noteHead(head);
    if (head) this.slots.noteHead(head);
    this.times.noteHead(head, this.#now());
    return head;
  }

  #refused(operation: string, input: Input, error: AwsServiceError): void {
    this.note(`${operation}${about(input)} refused: ${error.name}`);
    const item = itemOf(input["Item"] ?? input["Key"]);
    const runId = runOf(item);
    const sortKey = item["sk"]?.S ?? "";
    if (error.name === "ConflictException" && operation === "CreateSchedule") this.markers.add("timer twice");
    if (error.name !== "ConditionalCheckFailedException") return;
    if (item["pk"]?.S?.startsWith("DEDUP#") === true) this.markers.add("duplicate skipped");
    this.bulkCancels.refused(item, String(input["ConditionExpression"]));
    if (runId === null) return;
    this.#count(runId);
    if (operation === "PutItem") {
      if (sortKey === HEAD_SORT_KEY) this.markers.add("run created twice");
      if (sortKey.startsWith(LOG_PREFIX)) this.markers.add("log item twice");
      if (sortKey.startsWith(INBOX_PREFIX)) this.markers.add("arrival refused");
    } else if (sortKey === HEAD_SORT_KEY) {
      this.#headRefused(runId, input);
    }
  }

  #headRefused(runId: string, input: Input): void {
    const condition = String(input["ConditionExpression"]);
    const values = itemOf(input["ExpressionAttributeValues"]);
    const head = this.#peek().head(runId);
    if (!head) return;
    if (head.token === values[":token"]?.S) this.markers.add("own write recognised");
    else if (condition === conditions.STEALABLE) this.markers.add("steal lost");
    else if (condition === conditions.CLAIMABLE) this.markers.add("claim lost");
    else if (condition === conditions.DUE_UNCHANGED) this.markers.add("sweepers raced");
    else if (condition === conditions.RELEASABLE && head.epoch === Number(values[":epoch"]?.N)) {
      this.markers.add("release refused");
    } else if (head.epoch > Number(values[":epoch"]?.N)) this.markers.add("zombie refused");
  }

  #count(runId: string): void {
    this.writes.set(runId, (this.writes.get(runId) ?? 0) + 1);
  }
}

/** The models take the SDK's own shapes. */
function itemOf(value: unknown): Item {
  return typeof value === "object" && value !== null ? (value as Item) : {};
}

/** The run whose item this is; null when it is another's. */
function runOf(key: Item): string | null {
  const [, kind, runId] = (key["pk"]?.S ?? "").split("#");
  return kind === "RUN" && runId !== undefined ? runId : null;
}

function about(input: Input): string {
  const { pk, sk, run, seat } = itemOf(input["Item"] ?? input["Key"]);
  const whose = seat?.S === undefined || sk?.S?.includes(seat.S) ? "" : ` for ${run?.S ?? ""} ${seat.S}`;
  if (pk?.S !== undefined) return ` ${pk.S} ${sk?.S ?? ""}${whose}`;
  const name: unknown = input["Name"] ?? input["QueueUrl"] ?? input["Key"];
  return typeof name === "string" ? ` ${name.slice(name.lastIndexOf("/") + 1)}` : "";
}
