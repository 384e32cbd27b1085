/**
 * Owns: who waits for a signal, and what each sending of one was aimed at.
 * Must not: decide whether a signal was received: the inbox of the run that waits does, where the timeout is decided, too
 * (PROTOCOL §1). An item here only says where to look.
 *
 * Items of one name
 * - `SIGNAL`: the operation that waits. One at a time; a wait whose time is up counts as none.
 * - `SENT#<token>`: the operation a sending was aimed at, or that nobody waited. Written before the run's inbox is, so that the
 *   same sending, however often it is repeated, never reaches a second wait (test/model, "send without aiming").
 */
import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { number, readText, requireNumber, requireText, text, type Item } from "./attributes.js";
import { ABSENT, PRESENT, SIGNAL_AIMED_AT, SIGNAL_FREE, SIGNAL_HELD_BY } from "./conditions.js";
import { sentSignalKey, signalKey, type Key } from "./keys.js";
import { conditionFailedItem } from "./refusal.js";

/** An operation of a run. `op` is core/ids.ts, `stepHash`. */
export interface SignalTarget {
  run: string;
  op: string;
}

/** A wait as it is kept. */
export interface SignalWait extends SignalTarget {
  fn: string;
  /** When the run asked for it, and until when it waits, ms since 1970. */
  askedAtMs: number;
  untilMs: number;
  /** The waits that lost the name to this one, as far as they may not have been told. */
  replaced: readonly ReplacedWait[];
}

export type ReplacedWait = SignalTarget & { fn: string };

/** What became of a sending that dispatch does for somebody else. */
export interface SentOutcome {
  runId: string | null;
}

export class SignalStore {
  readonly #services: Services;

  constructor(services: Services) {
    this.#services = services;
  }

  /** The wait for a signal, strongly consistent; null when there is none, or when its time is up. */
  async waiting(signal: string): Promise<SignalWait | null> {
    const item = await this.#get(signalKey(signal), `read who waits for a signal`);
    const wait = item && readWait(item);
    return wait && wait.untilMs > this.#services.clock.now() ? wait : null;
  }

  /**
   * Takes the name for a wait when nobody has it, or when `from` does. Answers who has it then: this wait, taken now or by an
   * earlier try, or another; null when it became free meanwhile.
   */
  async take(signal: string, wait: SignalWait, ttlSeconds: number, from?: SignalTarget): Promise<SignalWait | null> {
    const key = signalKey(signal);
    const Item: Item = {
      pk: text(key.pk),
      sk: text(key.sk),
      runId: text(wait.run),
      opHash: text(wait.op),
      fn: text(wait.fn),
      askedAt: number(wait.askedAtMs),
      waitsUntil: number(wait.untilMs),
      ttl: number(ttlSeconds),
      ...(wait.replaced.length > 0 ? { replaced: text(JSON.stringify(wait.replaced)) } : {}),
    };
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item,
      ...(from
        ? { ConditionExpression: SIGNAL_HELD_BY, ExpressionAttributeValues: targetValues(from) }
        : {
            ConditionExpression: SIGNAL_FREE,
            ExpressionAttributeValues: { ":now": number(this.#services.clock.now()) },
          }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      await untilKnown(this.#services, `wait for a signal in run "${wait.run}"`, () =>
        this.#services.clients.dynamodb.send(command),
      );
      return wait;
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      return stored["pk"] === undefined ? null : readWait(stored);
    }
  }

  /** Everybody the wait took the name from has been told. */
  async told(signal: string, target: SignalTarget): Promise<void> {
    const key = signalKey(signal);
    const command = new UpdateItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(key.pk), sk: text(key.sk) },
      UpdateExpression: "REMOVE replaced",
      ConditionExpression: SIGNAL_HELD_BY,
      ExpressionAttributeValues: targetValues(target),
    });
    await unlessRefused(() =>
      untilKnown(this.#services, `note that waits for a signal were told`, () =>
        this.#services.clients.dynamodb.send(command),
      ),
    );
  }

  /** The wait is over: its name is free, unless another wait has it already. */
  async leave(signal: string, target: SignalTarget): Promise<void> {
    const key = signalKey(signal);
    const command = new DeleteItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(key.pk), sk: text(key.sk) },
      ConditionExpression: SIGNAL_HELD_BY,
      ExpressionAttributeValues: targetValues(target),
    });
    await unlessRefused(() =>
      untilKnown(this.#services, `end the wait for a signal in run "${target.run}"`, () =>
        this.#services.clients.dynamodb.send(command),
      ),
    );
  }

  /** What became of a sending, strongly consistent; null when that is not known yet. */
  async outcome(signal: string, token: string): Promise<SentOutcome | null> {
    const item = await this.#get(sentSignalKey(signal, token), `read what became of a signal`);
    if (!item) return null;
    const settled = readText(item, "settled");
    if (settled !== null) return { runId: settled };
    return readAim(item) === null ? { runId: null } : null;
  }

  /**
   * Aims a sending at a wait, or at nobody, once: who repeats it while another try is under way must not be told something
   * else. With `missed`, anew: once it is certain that this one did not take it. Answers what it is aimed at: this, or what
   * another try has chosen.
   */
  async aim(
    signal: string,
    token: string,
    target: SignalTarget | null,
    { missed, ttlSeconds }: { missed: SignalTarget | null; ttlSeconds: number },
  ): Promise<SignalTarget | null> {
    const key = sentSignalKey(signal, token);
    const command = new PutItemCommand({
      TableName: this.#services.settings.tableName,
      Item: {
        pk: text(key.pk),
        sk: text(key.sk),
        runId: text(target?.run ?? NOBODY),
        opHash: text(target?.op ?? NOBODY),
        ttl: number(ttlSeconds),
      },
      ...(missed
        ? { ConditionExpression: SIGNAL_AIMED_AT, ExpressionAttributeValues: targetValues(missed) }
        : { ConditionExpression: ABSENT }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    try {
      await untilKnown(this.#services, "aim a signal", () => this.#services.clients.dynamodb.send(command));
      return target;
    } catch (error) {
      const stored = conditionFailedItem(error);
      if (!stored) throw error;
      // Forgotten meanwhile, a day after it was sent first: nobody knows what it came to.
      return stored["pk"] === undefined ? null : readAim(stored);
    }
  }

  /** Notes that a run took it, for whoever has left the sending to dispatch and waits for the answer. */
  async settle(signal: string, token: string, runId: string): Promise<void> {
    const key = sentSignalKey(signal, token);
    const command = new UpdateItemCommand({
      TableName: this.#services.settings.tableName,
      Key: { pk: text(key.pk), sk: text(key.sk) },
      UpdateExpression: "SET settled = :settled",
      ConditionExpression: PRESENT,
      ExpressionAttributeValues: { ":settled": text(runId) },
    });
    await unlessRefused(() =>
      untilKnown(this.#services, "note what became of a signal", () => this.#services.clients.dynamodb.send(command)),
    );
  }

  async #get(key: Key, what: string): Promise<Item | null> {
    const answer = await untilKnown(this.#services, what, () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    return answer.Item ?? null;
  }
}

export function isSameTarget(a: SignalTarget, b: SignalTarget): boolean {
  return a.run === b.run && a.op === b.op;
}

function targetValues({ run, op }: SignalTarget): Item {
  return { ":run": text(run), ":op": text(op) };
}

function readWait(item: Item): SignalWait {
  const replaced = readText(item, "replaced") ?? "[]";
  return {
    run: requireText(item, "runId"),
    op: requireText(item, "opHash"),
    fn: requireText(item, "fn"),
    askedAtMs: requireNumber(item, "askedAt"),
    untilMs: requireNumber(item, "waitsUntil"),
    // Written by `take` and by nothing else.
    replaced: JSON.parse(replaced) as ReplacedWait[],
  };
}

/** Instead of a run and an operation: nobody waited. */
const NOBODY = "";

function readAim(item: Item): SignalTarget | null {
  const [run, op] = [requireText(item, "runId"), requireText(item, "opHash")];
  return run === NOBODY ? null : { run, op };
}

/** What is refused here was another's already. */
async function unlessRefused(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
  }
}
