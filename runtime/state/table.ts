/**
 * Owns: the shape of the one DynamoDB table, as data. The infrastructure creates it, the embedded AWS creates it, tests
 * create it: all from here.
 */

export interface IndexShape {
  name: string;
  partitionKey: string;
  sortKey: string;
  sortKeyType: "S" | "N";
}

export const TABLE_SHAPE = {
  partitionKey: "pk",
  sortKey: "sk",
  ttlAttribute: "ttl",
  /**
   * All KEYS_ONLY: an index that projected a changing attribute would cost a write at every change. Indexes only find
   * candidates; decisions re-read the base item (reliability.md R5).
   */
  indexes: [
    { name: "byFunction", partitionKey: "fnKey", sortKey: "fnSort", sortKeyType: "S" },
    { name: "byDue", partitionKey: "dueShard", sortKey: "due", sortKeyType: "N" },
    { name: "byTime", partitionKey: "timeKey", sortKey: "timeSort", sortKeyType: "S" },
  ] as const satisfies readonly IndexShape[],
} as const;
