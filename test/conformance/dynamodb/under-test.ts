/** Owns: what the checks need of the DynamoDB under test: its client, its two tables, and short forms of common calls. */
import {
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
  type DynamoDBClientResolvedConfig,
  type QueryCommandInput,
} from "@aws-sdk/client-dynamodb";
import type { Sender } from "../../../runtime/aws/clients.js";

export type Item = Record<string, AttributeValue>;

const MAX_INDEX_READS = 500;

export class DynamoDbUnderTest {
  private started: { client: Sender<DynamoDBClientResolvedConfig>; prefix: string } | undefined;

  start(client: Sender<DynamoDBClientResolvedConfig>, prefix: string): void {
    this.started = { client, prefix };
  }

  get client(): Sender<DynamoDBClientResolvedConfig> {
    return this.running().client;
  }

  /** pk and sk are strings; indexes by-due (owner, due: number; KEYS_ONLY) and by-owner (owner; INCLUDE title). */
  get items(): string {
    return `${this.running().prefix}-items`;
  }

  /** pk is binary, sk a number; no index. */
  get numbered(): string {
    return `${this.running().prefix}-numbered`;
  }

  async put(item: Item, TableName = this.items): Promise<void> {
    await this.client.send(new PutItemCommand({ TableName, Item: item }));
  }

  async get(pk: string, sk = "-"): Promise<Item | undefined> {
    const Key = { pk: { S: pk }, sk: { S: sk } };
    const { Item } = await this.client.send(new GetItemCommand({ TableName: this.items, Key, ConsistentRead: true }));
    return Item;
  }

  /** Every page of a consistent query of the items table. */
  async queryAll(input: Partial<QueryCommandInput>): Promise<Item[]> {
    return this.pages({ TableName: this.items, ConsistentRead: true, ...input });
  }

  /** Repeats an index query until `isThere` accepts its items: an index follows its table, but not at once. */
  async indexOnce(input: Partial<QueryCommandInput>, isThere: (items: Item[]) => boolean): Promise<Item[]> {
    let items: Item[] = [];
    for (let reads = 0; reads < MAX_INDEX_READS; reads += 1) {
      items = await this.pages({ TableName: this.items, ...input });
      if (isThere(items)) return items;
    }
    return items;
  }

  private async pages(input: QueryCommandInput): Promise<Item[]> {
    const items: Item[] = [];
    let from: Item | undefined;
    do {
      const start = from === undefined ? {} : { ExclusiveStartKey: from };
      const page = await this.client.send(new QueryCommand({ ...input, ...start }));
      items.push(...(page.Items ?? []));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return items;
  }

  private running(): { client: Sender<DynamoDBClientResolvedConfig>; prefix: string } {
    if (this.started === undefined) throw new Error("Cannot use the DynamoDB under test before its setup has run");
    return this.started;
  }
}

export function key(pk: string, sk = "-"): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}

export interface Refusal {
  name: string;
  message: string;
  /** The stored item, on a failed condition that was asked for it. */
  item: unknown;
  reasons: unknown;
}

/** What the call was refused with; fails when it was not refused. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const item = "Item" in error ? error.Item : undefined;
    const reasons = "CancellationReasons" in error ? error.CancellationReasons : undefined;
    return { name: error.name, message: error.message, item, reasons };
  }
  throw new Error("Cannot find a refusal: the call succeeded");
}
