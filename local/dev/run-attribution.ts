/**
 * Owns: which run a call to AWS was made for, read from what the call carries: the partition key of an item, the `run` of
 * a message, the prefix of an object's key.
 * Must not: guess. A call for no run (an event, the registry) or for one it cannot tell belongs to none.
 */
import { parseRunId } from "../../runtime/core/ids.js";
import type { AwsCall } from "../aws/call.js";
import type { Output } from "../aws/model.js";

/** Receipt handles of messages received and not yet deleted; the oldest is forgotten first. */
const MAX_HANDLES = 10_000;

export class RunAttribution {
  readonly #runOfHandle = new Map<string, string>();

  /** The runs a call belongs to, without repetition; undefined for none. */
  readonly attribute = (call: AwsCall, output: Output | undefined): string[] | undefined => {
    const found = new Set(this.#runsOf(call, output));
    return found.size === 0 ? undefined : [...found];
  };

  #runsOf(call: AwsCall, output: Output | undefined): string[] {
    switch (call.service) {
      case "dynamodb":
        return runsOfPartitions(call.input);
      case "sqs":
        return this.#runsOfMessages(call, output);
      case "scheduler":
        return runsOfSchedule(call.input);
      case "s3":
        return asRunId(text(call.input["Key"])?.split("/")[0]);
      case "secretsmanager":
      case "lambda":
        return [];
    }
  }

  #runsOfMessages({ input }: AwsCall, output: Output | undefined): string[] {
    const runs = records(output?.["Messages"]).flatMap((message) => this.#remember(message));
    for (const request of [input, ...records(input["Entries"])]) {
      runs.push(...runOfBody(request["MessageBody"]));
      const run = this.#runOfHandle.get(text(request["ReceiptHandle"]) ?? "");
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  #remember(message: Record<string, unknown>): string[] {
    const runs = runOfBody(message["Body"]);
    const handle = text(message["ReceiptHandle"]);
    for (const run of runs) if (handle !== undefined) this.#runOfHandle.set(handle, run);
    if (this.#runOfHandle.size > MAX_HANDLES) {
      const [oldest] = this.#runOfHandle.keys();
      if (oldest !== undefined) this.#runOfHandle.delete(oldest);
    }
    return runs;
  }
}

/** The run a message's body names, as a list of none or one. */
export function runOfBody(body: unknown): string[] {
  if (typeof body !== "string" || !body.includes('"run"')) return [];
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? asRunId(value["run"]) : [];
  } catch {
    // Not JSON: a message for no run.
    return [];
  }
}

/** A head was written: the run may have started or ended. */
export function headWrittenBy(call: AwsCall): boolean {
  if (call.service !== "dynamodb") return false;
  const key = isRecord(call.input["Key"]) ? call.input["Key"] : call.input["Item"];
  return /^(Put|Update)Item$/.test(call.operation) && isRecord(key) && stringOf(key["sk"]) === "RUN";
}

const RUN_PARTITION = /^[^#]+#RUN#([^#]+)$/;

/** Keys, items and the values of a key condition are all strings in DynamoDB's own form; any that spells a run's partition counts. */
function runsOfPartitions(input: Record<string, unknown>): string[] {
  const places = [input, ...records(input["TransactItems"]).flatMap((item) => records(Object.values(item)))];
  for (const requests of isRecord(input["RequestItems"]) ? Object.values(input["RequestItems"]) : []) {
    places.push(...batchPlaces(requests));
  }
  return places.flatMap((place) => [
    ...runOfAttributes(place["Key"]),
    ...runOfAttributes(place["Item"]),
    ...runOfValues(place["ExpressionAttributeValues"]),
  ]);
}

function batchPlaces(requests: unknown): Record<string, unknown>[] {
  const writes = records(requests).flatMap((request) => records(Object.values(request)));
  const keys = isRecord(requests) ? records(requests["Keys"]).map((key) => ({ Key: key })) : [];
  return [...writes, ...keys];
}

const WAITER_PARTITION = /^[^#]+#WAIT#[^#]+$/;

/** A waiter is kept under what it waits for; its sort key begins with its run. */
function runOfAttributes(attributes: unknown): string[] {
  if (!isRecord(attributes)) return [];
  const [pk = "", sk = ""] = [stringOf(attributes["pk"]), stringOf(attributes["sk"])];
  return WAITER_PARTITION.test(pk) ? asRunId(sk.split("#")[0]) : runOfPartition(pk);
}

const runOfValues = (values: unknown): string[] =>
  isRecord(values) ? Object.values(values).flatMap((value) => runOfPartition(stringOf(value))) : [];

const runOfPartition = (partition: string | undefined): string[] => asRunId(RUN_PARTITION.exec(partition ?? "")?.[1]);

function runsOfSchedule(input: Record<string, unknown>): string[] {
  const target = input["Target"];
  return isRecord(target) ? runOfBody(target["Input"]) : [];
}

function asRunId(value: unknown): string[] {
  return typeof value === "string" && parseRunId(value) ? [value] : [];
}

const stringOf = (attribute: unknown): string | undefined => (isRecord(attribute) ? text(attribute["S"]) : undefined);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
