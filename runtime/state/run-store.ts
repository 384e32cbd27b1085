/**
 * Owns: every write to a run's head, each one conditional write with a token (PROTOCOL §3).
 * Invariants: H1 a failed condition whose stored item carries this write's own token is success: the answer was lost, not
 * the write. H2 expected refusals are values, not exceptions.
 */
import { GetItemCommand, PutItemCommand, UpdateItemCommand, type AttributeValue } from "@aws-sdk/client-dynamodb";
import type { SerializedError } from "../../sdk/protocol.js";
import { untilKnown, type Patience } from "../aws/until-known.js";
import { CREATED_DUE_MS } from "../core/limits.js";
import { isLive, type Divergence, type Effect, type Places, type RunHead } from "../core/run.js";
import type { Services } from "../services.js";
import { number, text, type Item } from "./attributes.js";
import * as conditions from "./conditions.js";
import { effectsAttribute, errorAttribute, newHeadItem, readHead, type NewRun, type StoredRun } from "./head-item.js";
import { dueShard, headKey, logEpochPrefix, runPartition } from "./keys.js";
import { packedAttribute, type Packed } from "./payloads.js";
import { queryAll } from "./query-all.js";
import { conditionFailedItem } from "./refusal.js";

export type HeadWrite = { done: true; run: StoredRun } | { done: false; run: StoredRun | null };

/** Who claims, by which message, until when. */
export interface Claim {
  holder: string;
  messageId: string;
  leaseUntilMs: number;
  nowMs: number;
}

/** What a release leaves behind. */
export interface Release {
  logged: number;
  crashes: number;
  objects: number;
  dueAtMs: number;
  ttlSeconds: number;
  timer: { name: string; atMs: number } | null;
  /** The run rests because its code no longer fits its history. */
  diverged?: Divergence;
  /** What it keeps of its concurrency limits, or waits for. */
  places?: Places | null;
  /** Nothing of it has run: it waits for its first turn again. */
  unbegun?: boolean;
}

export interface RunEnd {
  status: "Completed" | "Failed" | "Cancelled";
  endedAtMs: number;
  output: Packed | null;
  error: SerializedError | null;
  /** Of a cancel. */
  reason?: SerializedError | null;
  ttlSeconds: number;
  effects: readonly Effect[];
  objects: number;
}

interface Update {
  what: string;
  set: Record<string, AttributeValue>;
  /** Raw assignments, for what is computed from the stored item. */
  assign?: string[];
  remove?: string[];
  condition: string;
  names?: Record<string, string>;
  values: Record<string, AttributeValue>;
}

/** A cancel looks at a run under way this often before it no longer asks how much of its log there is. */
const MAX_CANCEL_ROUNDS = 5;

export class RunStore {
  readonly #services: Services;
  #writes = 0;
  readonly #writer: string;

  constructor(services: Services) {
    this.#services = services;
    this.#writer = Buffer.from(services.random.bytes(9)).toString("base64url");
  }

  /** Creates a run. `exists` when it was created before: by an earlier delivery of the same event. */
  async create(run: NewRun): Promise<{ created: true } | { created: false; existing: StoredRun }> {
    try {
      await untilKnown(this.#services, `create run "${run.runId}"`, () =>
        this.#services.clients.dynamodb.send(
          new PutItemCommand({
            TableName: this.#services.settings.tableName,
            Item: newHeadItem(run),
            ConditionExpression: conditions.ABSENT,
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        ),
      );
      return { created: true };
    } catch (error) {
      const existing = conditionFailedItem(error);
      if (!existing) throw error;
      return { created: false, existing: readHead(existing) };
    }
  }

  /** The run as it is now, strongly consistent; null when there is none. */
  async get(runId: string): Promise<StoredRun | null> {
    const key = headKey(runId);
    const answer = await untilKnown(this.#services, `read run "${runId}"`, () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    return answer.Item ? readHead(answer.Item) : null;
  }

  /** Takes a released run in the epoch that was read; 0 for a run nobody has claimed yet. */
  claim(runId: string, epoch: number, claim: Claim): Promise<HeadWrite> {
    return this.#update(runId, {
      what: "claim",
      set: { ...claimAttributes(claim) },
      assign: ["epoch = :next", "startedAt = if_not_exists(startedAt, :now)"],
      condition: conditions.CLAIMABLE,
      values: {
        ":epoch": number(epoch),
        ":next": number(epoch + 1),
        ":now": number(claim.nowMs),
        ...conditions.ZERO_VALUE,
      },
    });
  }

  /** Takes a lease that ran out. `sealedItems` of the stolen epoch exist; `read` is the head as it was loaded. */
  steal(read: RunHead, claim: Claim, sealedItems: number, crashes: number): Promise<HeadWrite> {
    return this.#update(read.runId, {
      what: "steal",
      set: { ...claimAttributes(claim), crashes: number(crashes) },
      assign: ["epoch = :next", "seals.#sealed = :items"],
      condition: conditions.STEALABLE,
      names: { "#sealed": String(read.epoch) },
      values: {
        ":epoch": number(read.epoch),
        ":next": number(read.epoch + 1),
        ":read": number(read.leaseUntilMs),
        ":items": number(sealedItems),
        ...conditions.ZERO_VALUE,
      },
    });
  }

  /**
   * Tells the turn under way that there is a reason to look again. `dueAtMs`, soon after its lease: were that turn to die
   * with its own message already gone, nothing else would wake the run before a due time that may be weeks away.
   */
  absorb(runId: string, epoch: number, dueAtMs: number): Promise<HeadWrite> {
    return this.#update(runId, {
      what: "absorb a wake of",
      set: { due: number(dueAtMs) },
      assign: ["wakes = wakes + :one"],
      condition: conditions.ABSORBING,
      values: { ":one": number(1), ":epoch": number(epoch), ...conditions.ZERO_VALUE },
    });
  }

  /** Extends the lease; with `dueAtMs` also moves the due time, so that a long turn is not the sweeper's candidate for ever. */
  beat(
    runId: string,
    epoch: number,
    beat: { leaseUntilMs: number; dueAtMs?: number | undefined },
    patience?: Patience,
  ): Promise<HeadWrite> {
    const { leaseUntilMs, dueAtMs } = beat;
    return this.#update(
      runId,
      {
        what: "extend the lease of",
        set: { leaseUntil: number(leaseUntilMs), ...(dueAtMs === undefined ? {} : { due: number(dueAtMs) }) },
        condition: conditions.BEATING,
        values: { ":epoch": number(epoch), ":until": number(leaseUntilMs), ...conditions.ZERO_VALUE },
      },
      patience,
    );
  }

  /** Gives the lease back because the run waits. Refused when something came since `wakes` was read. */
  release(runId: string, epoch: number, wakes: number, release: Release, patience?: Patience): Promise<HeadWrite> {
    return this.#update(
      runId,
      {
        what: "release",
        ...releaseUpdate(runId, release),
        condition: conditions.RELEASABLE,
        values: { ":epoch": number(epoch), ":wakes": number(wakes) },
      },
      patience,
    );
  }

  /** Gives the lease back to a continuation that is sent right after. */
  yield(runId: string, epoch: number, release: Release, patience?: Patience): Promise<HeadWrite> {
    return this.#update(
      runId,
      {
        what: "yield",
        ...releaseUpdate(runId, release),
        condition: conditions.YIELDABLE,
        values: { ":epoch": number(epoch) },
      },
      patience,
    );
  }

  /** `wakes`: refused when something came since they were read; null ends the run whatever came. */
  end(runId: string, epoch: number, wakes: number | null, end: RunEnd, patience?: Patience): Promise<HeadWrite> {
    return this.#update(
      runId,
      {
        what: "end",
        ...endUpdate(end, ["holder"]),
        condition: wakes === null ? conditions.ENDABLE : conditions.ENDABLE_UNWOKEN,
        values: { ":epoch": number(epoch), ...(wakes === null ? {} : { ":wakes": number(wakes) }) },
      },
      patience,
    );
  }

  /**
   * Cancels a live run. A turn under way loses its lease with the same write, and its epoch is sealed with what it had
   * written when it was looked at: nothing it still produces is history (DESIGN §7).
   */
  async cancel(runId: string, end: RunEnd): Promise<HeadWrite> {
    for (let round = 0; round < MAX_CANCEL_ROUNDS; round += 1) {
      const parked = await this.#cancel(runId, end, { condition: conditions.CANCELLABLE_RELEASED });
      if (parked.done || !parked.run || !isLive(parked.run.head.status)) return parked;
      const { epoch } = parked.run.head;
      const items = await this.#countLog(runId, epoch);
      const held = await this.#cancel(runId, end, {
        condition: conditions.CANCELLABLE_HELD,
        assign: ["seals.#sealed = :items"],
        names: { "#sealed": String(epoch) },
        values: { ":epoch": number(epoch), ":items": number(items) },
      });
      if (held.done || !held.run || !isLive(held.run.head.status)) return held;
    }
    // Turns come and go faster than they are looked at. To cancel is worth more than a clean end of the log.
    return this.#cancel(runId, end, { condition: conditions.CANCELLABLE });
  }

  #cancel(
    runId: string,
    end: RunEnd,
    how: { condition: string } & Partial<Pick<Update, "assign" | "names" | "values">>,
  ): Promise<HeadWrite> {
    const zero = how.condition === conditions.CANCELLABLE ? {} : conditions.ZERO_VALUE;
    return this.#update(runId, {
      what: "cancel",
      // Who holds the run stays on record: his turn goes on until he learns of it.
      ...endUpdate(end, []),
      condition: how.condition,
      assign: ["epoch = epoch + :one", ...(how.assign ?? [])],
      values: { ":one": number(1), ...zero, ...how.values },
      ...(how.names ? { names: how.names } : {}),
    });
  }

  /** How many log items an epoch has, strongly consistent. */
  async #countLog(runId: string, epoch: number): Promise<number> {
    const { count } = await queryAll(this.#services, `count the log of run "${runId}"`, {
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :epoch)",
      ExpressionAttributeValues: { ":pk": text(runPartition(runId)), ":epoch": text(logEpochPrefix(epoch)) },
      Select: "COUNT",
    });
    return count;
  }

  /** The effects of an ended run are done. */
  effectsDone(runId: string): Promise<HeadWrite> {
    return this.#update(runId, {
      what: "note the effects of",
      set: {},
      remove: ["effects", "due", "dueShard"],
      condition: conditions.EFFECTS_PENDING,
      values: {},
    });
  }

  /** Moves a due entry that the sweeper has acted upon. */
  moveDue(runId: string, readDueMs: number, dueAtMs: number, sweeps: number): Promise<HeadWrite> {
    return this.#update(runId, {
      what: "move the due time of",
      set: { due: number(dueAtMs), sweeps: number(sweeps) },
      condition: conditions.DUE_UNCHANGED,
      values: { ":read": number(readDueMs) },
    });
  }

  async #update(runId: string, update: Update, patience?: Patience): Promise<HeadWrite> {
    this.#writes += 1;
    const token = `${this.#writer}.${this.#writes}`;
    const command = new UpdateItemCommand(updateInput(this.#services.settings.tableName, runId, token, update));
    try {
      const answer = await untilKnown(
        this.#services,
        `${update.what} run "${runId}"`,
        () => this.#services.clients.dynamodb.send(command),
        patience,
      );
      return { done: true, run: readHead(answer.Attributes ?? {}) };
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (stored === null) throw error;
      if (stored["pk"] === undefined) return { done: false, run: null };
      const run = readHead(stored);
      return { done: run.head.token === token, run };
    }
  }
}

function claimAttributes(claim: Claim): Item {
  return {
    "#status": text("Running"),
    holder: text(claim.holder),
    claimMsg: text(claim.messageId),
    leaseUntil: number(claim.leaseUntilMs),
  };
}

function releaseUpdate(runId: string, release: Release): Pick<Update, "set" | "remove"> {
  const timer = release.timer ? { timer: text(release.timer.name), timerAt: number(release.timer.atMs) } : null;
  return {
    set: {
      leaseUntil: number(0),
      logged: number(release.logged),
      crashes: number(release.crashes),
      objects: number(release.objects),
      due: number(release.dueAtMs),
      dueShard: text(dueShard(runId)),
      ttl: number(release.ttlSeconds),
      ...timer,
      ...(release.places ? { places: text(JSON.stringify(release.places)) } : {}),
      ...(release.unbegun ? { "#status": text("Queued") } : {}),
      ...(release.diverged ? { diverged: text(JSON.stringify(release.diverged)) } : {}),
    },
    remove: [
      ...["holder", "claimMsg", "sweeps"],
      ...(timer ? [] : ["timer", "timerAt"]),
      ...(release.diverged ? [] : ["diverged"]),
      ...(release.places ? [] : ["places"]),
      ...(release.unbegun ? ["startedAt"] : []),
    ],
  };
}

function endUpdate(end: RunEnd, remove: readonly string[]): Pick<Update, "set" | "remove"> {
  const pending = end.effects.length > 0;
  return {
    set: {
      "#status": text(end.status),
      leaseUntil: number(0),
      endedAt: number(end.endedAtMs),
      objects: number(end.objects),
      ttl: number(end.ttlSeconds),
      ...(end.output ? { "#output": packedAttribute(end.output) } : {}),
      ...(end.error ? { "#error": errorAttribute(end.error) } : {}),
      ...(end.reason ? { reason: errorAttribute(end.reason) } : {}),
      // Effects left over are the sweeper's to finish, should this worker die before it has done them.
      ...(pending ? { effects: effectsAttribute(end.effects), due: number(end.endedAtMs + CREATED_DUE_MS / 10) } : {}),
    },
    remove: [...remove, "claimMsg", "diverged", "places", ...(pending ? [] : ["due", "dueShard"])],
  };
}

/** Reserved words of DynamoDB among our attribute names. */
const RESERVED: Record<string, string> = {
  "#status": "status",
  "#output": "output",
  "#error": "error",
  "#token": "token",
  "#ttl": "ttl",
};

function updateInput(tableName: string, runId: string, token: string, update: Update) {
  const values: Record<string, AttributeValue> = { ...update.values, ":token": text(token) };
  const assignments = ["#token = :token", ...(update.assign ?? [])];
  Object.entries(update.set).forEach(([name, value], position) => {
    const placeholder = `:s${position}`;
    values[placeholder] = value;
    assignments.push(`${name === "ttl" ? "#ttl" : name} = ${placeholder}`);
  });
  const remove = update.remove && update.remove.length > 0 ? ` REMOVE ${update.remove.join(", ")}` : "";
  const expression = `SET ${assignments.join(", ")}${remove}`;
  if (update.condition.includes(":queued")) Object.assign(values, conditions.LIVE_VALUES);
  const used = `${expression} ${update.condition}`;
  const reserved = Object.entries(RESERVED).filter(([placeholder]) => used.includes(placeholder));
  const key = headKey(runId);
  return {
    TableName: tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
    UpdateExpression: expression,
    ConditionExpression: update.condition,
    ExpressionAttributeNames: { ...Object.fromEntries(reserved), ...update.names },
    ExpressionAttributeValues: values,
    ReturnValues: "ALL_NEW" as const,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}
