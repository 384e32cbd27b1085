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
