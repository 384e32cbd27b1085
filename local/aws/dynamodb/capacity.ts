/**
 * Owns: what operations are billed, and the ConsumedCapacity that says so.
 * Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and …/transaction-apis.html
 */
import type { Units } from "../model.js";
import type { Request } from "./request.js";

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;

/** One unit for each KB begun, and one at least. */
export function writeUnitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / WRITE_UNIT_BYTES));
}

/** One unit for each 4 KB begun, half of that when an older version may be answered. */
export function readUnitsOf(bytes: number, isConsistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  return isConsistent ? units : units / 2;
}

export type CapacityDetail = "TOTAL" | "INDEXES" | undefined;

export function capacityDetail(request: Request): CapacityDetail {
  const choice = request.choice("ReturnConsumedCapacity", ["INDEXES", "TOTAL", "NONE"]);
  return choice === "NONE" ? undefined : choice;
}

/** What one table has used in one call. */
export class Consumption {
  readonly tableName: string;
  private tableUnits = 0;
  private readonly indexUnits = new Map<string, number>();

  constructor(tableName: string) {
    this.tableName = tableName;
  }

  addTable(units: number): void {
    this.tableUnits += units;
  }

  addIndex(name: string, units: number): void {
    if (units > 0) this.indexUnits.set(name, (this.indexUnits.get(name) ?? 0) + units);
  }

  asWrites(): Units {
    const indexWriteUnits = this.indexTotal();
    return indexWriteUnits === 0 ? { writeUnits: this.tableUnits } : { writeUnits: this.tableUnits, indexWriteUnits };
  }

  asReads(): Units {
    return { readUnits: this.tableUnits + this.indexTotal() };
  }

  /** The answer's ConsumedCapacity. */
  describe(detail: "TOTAL" | "INDEXES"): Record<string, unknown> {
    const total = { TableName: this.tableName, CapacityUnits: this.tableUnits + this.indexTotal() };
    if (detail === "TOTAL") return total;
    const indexes = [...this.indexUnits].map(([name, units]) => [name, { CapacityUnits: units }]);
    return {
      ...total,
      Table: { CapacityUnits: this.tableUnits },
      ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: Object.fromEntries(indexes) }),
    };
  }

  private indexTotal(): number {
    let total = 0;
    for (const units of this.indexUnits.values()) total += units;
    return total;
  }
}

/** `{ ConsumedCapacity }` of a call on one table, or nothing when it was not asked for. */
export function consumedByOne(detail: CapacityDetail, consumption: Consumption): Record<string, unknown> {
  return detail === undefined ? {} : { ConsumedCapacity: consumption.describe(detail) };
}

/** The same for a call on many tables. */
export function consumedByMany(detail: CapacityDetail, all: Iterable<Consumption>): Record<string, unknown> {
  return detail === undefined ? {} : { ConsumedCapacity: Array.from(all, (each) => each.describe(detail)) };
}
