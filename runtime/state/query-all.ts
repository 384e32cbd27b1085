/** Owns: reading all pages of a query of the table's own items, strongly consistent. */
import { QueryCommand, type QueryCommandInput, type QueryCommandOutput } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import type { Item } from "./attributes.js";

export type AllPages = Pick<QueryCommandInput, "KeyConditionExpression" | "ExpressionAttributeValues" | "Select">;

/** Every item, in key order, and how many there are; with `Select: "COUNT"` only how many. */
export async function queryAll(
  services: Services,
  what: string,
  query: AllPages,
): Promise<{ items: Item[]; count: number }> {
  const items: Item[] = [];
  let count = 0;
  let startKey: Item | undefined;
  do {
    const from = startKey;
    const page: QueryCommandOutput = await untilKnown(services, what, () =>
      services.clients.dynamodb.send(
        new QueryCommand({
          TableName: services.settings.tableName,
          ...query,
          ConsistentRead: true,
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      ),
    );
    items.push(...(page.Items ?? []));
    count += page.Count ?? 0;
    startKey = page.LastEvaluatedKey;
  } while (startKey);
  return { items, count };
}
