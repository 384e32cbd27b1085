/**
 * Owns: where moto (5.2.1) is known to differ from DynamoDB, by the check's name, as seen on 2026-11-20.
 */
export const dynamodbMotoDeviations: Readonly<Record<string, string>> = {
  "holds: begins_with(b, :bytes)": "knows begins_with for strings only",
  "fails: n > :s": "answers an internal error when types that have no common order are compared",
  "fails: size(n) = :six": "answers an internal error for the size of a number",
  "an update without expression creates the key alone": "answers an internal error without UpdateExpression",
  "refuses an undefined name": "answers an internal error for a name that is not defined",
  "refuses OR in a key condition": "answers an internal error for OR in a key condition",
  "refuses a filter on a key": "takes a filter on key attributes",
  "refuses limit 0": "takes a limit of 0",
  "refuses a start key elsewhere": "takes a start key of another partition",
  "refuses an unknown index": "answers ResourceNotFoundException instead of ValidationException",
  "refuses an item whose index key has another type": "checks no index keys against their types",
  "the same token and request has its effect once": "ignores ClientRequestToken",
  "a replayed token succeeds though its condition no longer holds": "ignores ClientRequestToken",
  "a token with another request is refused": "ignores ClientRequestToken",
  "refuses more than 4 MB together": "has no limit on a transaction's size",
  "refuses 26 writes": "does not count a batch's writes",
  "refuses an item twice in one batch and writes none of it": "does not compare a put's key with a delete's",
  "takes an item of exactly 400 KB": "refuses items from 405,001 bytes on",
  "refuses an update that grows an item beyond 400 KB":
    "refuses items from 405,001 bytes on, so the item cannot be put at all",
  "sizes count UTF-8 bytes": "refuses items from 405,001 bytes on",
  "refuses empty sets and repeated members": "takes sets with repeated members",
  "numbers come back in one normal form": "keeps the text of a number as it came",
  "numbers keep 38 digits and no more": "has no limit on digits",
  "refuses numbers out of range and texts that are none": "has no limit on magnitude",
  "takes 32 levels of nesting and refuses 33": "has no limit on nesting",
  "refuses an expression over 4 KB": "has no limit on an expression's size",
  "refuses a key that does not fit the schema": "takes keys with attributes missing or too many",
};
