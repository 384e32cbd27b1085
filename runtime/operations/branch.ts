/**
 * Owns: distributed steps: one message for each, and telling the run when their results are there.
 * A group of steps armed together is watched so that a thousand of them wake their run some twenty times and not a thousand:
 * sets of the names still missing, in shards. Taking a name out twice is taking it out once (PROTOCOL §5).
 */
import { PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import { forEachLimited } from "../core/limited.js";
import { BRANCH_MISSED_AFTER_MS } from "../core/limits.js";
import { sendMessage, sendWakes } from "../queue/send.js";
import type { BranchWork, WakeMessage } from "../queue/messages.js";
import type { Services } from "../services.js";
import { number, text, type Item } from "../state/attributes.js";
import { BranchStore } from "../state/branch-store.js";
import { ABSENT } from "../state/conditions.js";
import { fanKey } from "../state/keys.js";
import type { ArmedOperation, Arming, OperationContext, OpOf } from "./operation.js";

/** Up to so many, each result wakes the run: chains of steps side by side then go on without waiting for one another. */
const SMALL_GROUP = 8;
/** Names in one shard: its item stays below 1 KB, so each name taken out costs one write unit. */
const SHARD_NAMES = 32;
/** Of a step's hash: 60 bits tell the thousand steps of a run apart. */
const NAME_CHARACTERS = 12;
const PARALLEL_WRITES = 8;

export const branchArming: Arming<"branch"> = {
  async arm(context, operations) {
    const { head, services, stepQueueUrl } = context;
    const works = context.again ? await missedWorks(context, operations) : branchWorks(context, operations);
    if (works.length === 0) return;
    await writeShards(context, works);
    const wakes = works.map((branch) => ({
      wake: { v: 1, run: head.runId, fn: head.functionId, why: "branch", branch } as const,
      delayMs: 0,
    }));
    await sendWakes(services, stepQueueUrl, wakes);
  },
  // A branch looks whether its run still waits for it before it begins; what it has begun it finishes for nobody.
  disarm: () => Promise.resolve(),
  timeout: () => Promise.resolve(null),
};

function branchWorks({ head }: OperationContext, operations: readonly ArmedOperation<OpOf<"branch">>[]): BranchWork[] {
  const [first] = operations;
  // Armed again in a later epoch, what is left of a group is another group.
  const group = operations.length > SMALL_GROUP ? `${head.epoch}-${first?.hash.slice(0, NAME_CHARACTERS)}` : null;
  return operations.map(({ id, i, hash }, index) => {
    const fan = { shard: Math.floor(index / SHARD_NAMES), name: hash.slice(0, NAME_CHARACTERS) };
    return { id, i, attempt: 0, ...(group === null ? {} : { fan: { group, ...fan } }) };
  });
}

/**
 * Armed again: after a turn that was lost, or when the sweeper had to wake the run, since a message may have been lost (a purged
 * queue). A step whose next attempt lies ahead, or that somebody is at, is left alone, and so is one asked for anew a while ago.
 */
async function missedWorks(
  context: OperationContext,
  operations: readonly ArmedOperation<OpOf<"branch">>[],
): Promise<BranchWork[]> {
  const { services, head } = context;
  const nowMs = services.clock.now();
  const branches = new BranchStore(services);
  const records = await branches.ofRun(head.runId);
  const missed = operations.filter(({ hash }) => (records.get(hash)?.expectedUntilMs ?? 0) <= nowMs);
  await forEachLimited(missed, PARALLEL_WRITES, ({ hash }) =>
    branches.expectUntil(head, hash, nowMs + BRANCH_MISSED_AFTER_MS),
  );
  const attempts = missed.map(({ hash }) => records.get(hash)?.attempt ?? 0);
  return branchWorks(context, missed).map((work, index) => ({ ...work, attempt: attempts[index] ?? 0 }));
}

async function writeShards({ services, head, ttlSeconds }: OperationContext, works: BranchWork[]): Promise<void> {
  const shards = new Map<number, string[]>();
  let group = "";
  for (const { fan } of works) {
    if (!fan) return;
    group = fan.group;
    shards.set(fan.shard, [...(shards.get(fan.shard) ?? []), fan.name]);
  }
  const put = async (shard: number | null, names: readonly string[]): Promise<void> => {
    const key = fanKey(head.runId, group, shard);
    const Item: Item = {
      pk: text(key.pk),
      sk: text(key.sk),
      awaited: { SS: [...names] },
      names: number(names.length),
      ttl: number(ttlSeconds),
    };
    const { tableName: TableName } = services.settings;
    // Only where nothing is: a copy that lands late would put names back that were taken out (test/model, fan-in).
    const command = new PutItemCommand({ TableName, Item, ConditionExpression: ABSENT });
    try {
      await untilKnown(services, `watch group "${group}" of run "${head.runId}"`, () =>
        services.clients.dynamodb.send(command),
      );
    } catch (error) {
      if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
    }
  };
  // The top set last of the sets and before any message: a shard that empties finds it.
  await forEachLimited([...shards], PARALLEL_WRITES, ([shard, names]) => put(shard, names));
  await put(null, [...shards.keys()].map(String));
}

/**
 * The result of a branch stands in its run's inbox: takes it out of its group, and wakes the run when that is of use to it.
 * `again`: it stood there before. Whoever put it may have died between taking it out and the wake, so the run is woken.
 */
export async function branchArrived(
  services: Services,
  stepQueueUrl: string,
  wake: WakeMessage,
  again: boolean,
): Promise<void> {
  const { run, fn, branch } = wake;
  if (branch?.fan && !(await isNews(services, run, branch.fan)) && !again) return;
  await sendMessage(services, stepQueueUrl, { v: 1, run, fn, why: "arrival" });
}

/** The first of a shard may decide a race; the last of all completes the group. */
async function isNews(services: Services, runId: string, fan: NonNullable<BranchWork["fan"]>): Promise<boolean> {
  const shard = await takeOut(services, runId, fan.group, fan.shard, fan.name);
  if (shard.left > 0) return shard.left === shard.names - 1;
  return (await takeOut(services, runId, fan.group, null, String(fan.shard))).left === 0;
}

async function takeOut(
  services: Services,
  runId: string,
  group: string,
  shard: number | null,
  name: string,
): Promise<{ left: number; names: number }> {
  const key = fanKey(runId, group, shard);
  const command = new UpdateItemCommand({
    TableName: services.settings.tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
    UpdateExpression: "DELETE awaited :name",
    ExpressionAttributeValues: { ":name": { SS: [name] } },
    ReturnValues: "ALL_NEW",
  });
  const answer = await untilKnown(services, `note a branch of run "${runId}"`, () =>
    services.clients.dynamodb.send(command),
  );
  return { left: answer.Attributes?.["awaited"]?.SS?.length ?? 0, names: Number(answer.Attributes?.["names"]?.N ?? 0) };
}
