/**
 * Owns: where moto (seen with 5.2.1) is known to answer otherwise than AWS: suite and test name, under the reason. Most of it
 * is input that AWS refuses and moto takes.
 */
import type { Deviations } from "./deviations.js";

const BY_REASON: Readonly<Record<string, readonly string[]>> = {
  "moto knows begins_with for text only": ["conditions > holds: begins_with(b, :bytes)"],
  "moto answers 500 with an HTML page where its own code fails": [
    "conditions > fails: n > :s",
    "conditions > fails: size(n) = :six",
    "updates > an update without expression creates the key alone",
    "updates > refuses an undefined name",
    "queries > refuses OR in a key condition",
    "Scheduler > a group that does not exist is missed by get and by create",
  ],
  "moto does not check a query beyond its key condition": [
    "queries > refuses a filter on a key",
    "queries > refuses limit 0",
    "queries > refuses a start key elsewhere",
  ],
  "moto names another error than AWS": [
    "queries > refuses an unknown index",
    "SQS > a deleted message cannot be hidden",
    "SQS > a redrive policy to a queue that does not exist is refused",
  ],
  "moto does not check keys against the schema, nor of an index": [
    "indexes > refuses an item whose index key has another type",
    "limits > refuses a key that does not fit the schema",
  ],
  "moto knows no idempotency tokens": [
    "transactions > the same token and request has its effect once",
    "transactions > a replayed token succeeds though its condition no longer holds",
    "transactions > a token with another request is refused",
    "Scheduler > CreateSchedule repeated with its token is answered",
  ],
  "moto has no such limit": [
    "transactions > refuses more than 4 MB together",
    "batches > refuses 26 writes",
    "limits > takes 32 levels of nesting and refuses 33",
    "limits > refuses an expression over 4 KB",
    "S3 > a key of 1,024 bytes is taken, one more is refused",
    "SQS > CreateQueue refuses an attribute out of bounds",
  ],
  "moto takes a batch that names an item twice": ["batches > refuses an item twice in one batch and writes none of it"],
  "moto's limit of an item is 405,000 bytes, not 409,600": [
    "limits > takes an item of exactly 400 KB",
    "limits > refuses an update that grows an item beyond 400 KB",
    "limits > sizes count UTF-8 bytes",
  ],
  "moto keeps numbers and sets as the text they came in": [
    "limits > refuses empty sets and repeated members",
    "limits > numbers come back in one normal form",
    "limits > numbers keep 38 digits and no more",
    "limits > refuses numbers out of range and texts that are none",
  ],
  "moto takes any message body": ["SQS > a body outside XML 1.0 is refused", "SQS > an empty body is refused"],
  'moto answers SenderFault as the text "true"': ["SQS > an entry that fails does not keep the others from succeeding"],
  "moto keeps no defaults of a schedule, and on update what the request leaves out": [
    "Scheduler > GetSchedule shows what was created, with defaults",
    "Scheduler > UpdateSchedule replaces the whole definition",
  ],
  "moto takes any schedule, group and tag that can be stored": [
    "Scheduler > a group's name is taken once",
    "Scheduler > refuses at(2099-01-01T12:00:00Z)",
    "Scheduler > refuses at(2099-02-30T12:00:00)",
    "Scheduler > refuses rate(0 minutes)",
    "Scheduler > refuses rate(30 seconds)",
    "Scheduler > refuses cron(0 9 * * *)",
    "Scheduler > refuses cron(0 9 * * * *)",
    "Scheduler > refuses cron(0 9 ? * ? *)",
    "Scheduler > refuses cron(60 9 * * ? *)",
    "Scheduler > refuses cron(0 9 ? * 8 *)",
    "Scheduler > refuses every day",
    "Scheduler > a name with other characters is refused",
    "Scheduler > a name of 65 characters is refused",
    "Scheduler > an unknown time zone is refused",
    "Scheduler > a start long ago is refused",
    "Scheduler > a retry policy out of bounds is refused",
    "S3 > a tag's key is there once",
  ],
};

export const motoDeviations: Deviations = Object.fromEntries(
  Object.entries(BY_REASON).flatMap(([reason, names]) => names.map((name) => [name, reason])),
);

/** moto restores the whole table when a transaction fails, and with it what another one has written meanwhile. */
export const motoUnsteady: Deviations = {
  "transactions > of eight racing transactions on one lock one wins":
    "moto undoes a failed transaction by restoring the table as it was before, whoever wrote to it since",
};
