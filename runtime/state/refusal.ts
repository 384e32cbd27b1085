/** Owns: reading what DynamoDB says of a failed condition. */
import { nameOf } from "../aws/failures.js";
import type { Item } from "./attributes.js";

/** The stored item of a failed condition; an empty item when there was none; null when the error is another one. */
export function conditionFailedItem(error: unknown): Item | null {
  if (nameOf(error) !== "ConditionalCheckFailedException") return null;
  if (typeof error !== "object" || error === null || !("Item" in error)) return {};
  const item = error.Item;
  // The SDK's own shape of `Item`: it leaves the attribute values as they came.
  return typeof item === "object" && item !== null ? (item as Item) : {};
}

/** What is in the way of each write of a transaction, by place: the stored item, or null where nothing is. */
export type Refusals = readonly (Item | null)[];

/** Reads a cancelled transaction. Throws the error itself when no condition of it failed. */
export function transactionRefusals(error: unknown): Refusals {
  const reasons: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, "CancellationReasons") : null;
  if (!Array.isArray(reasons)) throw error;
  const refusals = reasons.map((reason: unknown) => {
    if (typeof reason !== "object" || reason === null || Reflect.get(reason, "Code") !== "ConditionalCheckFailed") {
      return null;
    }
    const item: unknown = Reflect.get(reason, "Item");
    // As above: the SDK's own shape.
    return typeof item === "object" && item !== null ? (item as Item) : {};
  });
  if (refusals.every((refusal) => refusal === null)) throw error;
  return refusals;
}
