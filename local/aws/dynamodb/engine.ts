/** Owns: what every operation of the model works on: the tables, the parsed expressions, the transaction tokens. */
import { resourceNotFound } from "./errors.js";
import { ExpressionCache } from "./expression/expression-cache.js";
import type { Table } from "./table.js";
import { TransactionTokens } from "./transaction-tokens.js";

export interface EngineOptions {
  /** Asked at each query of an index: whether it answers as of before the latest write to each item. */
  staleIndexReads?: () => boolean;
  region?: string;
  accountId?: string;
}

export class Engine {
  readonly tables = new Map<string, Table>();
  readonly expressions = new ExpressionCache();
  readonly tokens = new TransactionTokens();
  readonly options: EngineOptions;

  constructor(options: EngineOptions) {
    this.options = options;
  }

  table(name: string): Table {
    const table = this.tables.get(name);
    if (table === undefined) throw resourceNotFound();
    return table;
  }
}
