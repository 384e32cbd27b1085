/**
 * Owns: the model's whole state as JSON-encodable data, and back. Attributes are lists of pairs, because a JSON object gives
 * `__proto__` a meaning of its own; binary is base64.
 */
import type { Engine } from "./engine.js";
import { keyOfItem } from "./item-key.js";
import { storedItem, Table } from "./table.js";
import type { TableDefinition } from "./table-definition.js";
import type { RememberedToken } from "./transaction-tokens.js";
import type { Attributes, Value } from "./value.js";

const VERSION = 1;

type SnapshotValue =
  | ["S" | "N" | "B", string]
  | ["BOOL" | "NULL", boolean]
  | ["M", SnapshotAttributes]
  | ["L", SnapshotValue[]]
  | ["SS" | "NS" | "BS", string[]];

type SnapshotAttributes = [name: string, value: SnapshotValue][];

interface SnapshotTable {
  definition: TableDefinition;
  id: string;
  createdAtMs: number;
  expiresBy: string | null;
  items: SnapshotAttributes[];
}

export interface Snapshot {
  version: typeof VERSION;
  tables: SnapshotTable[];
  tokens: RememberedToken[];
}

export function takeSnapshot(engine: Engine): Snapshot {
  const tables = Array.from(engine.tables.values(), (table) => ({
    definition: table.definition,
    id: table.identity.id,
    createdAtMs: table.identity.createdAtMs,
    expiresBy: table.expiry?.attributeName ?? null,
    items: Array.from(table.items(), ({ attributes }) => pairs(attributes)),
  }));
  return { version: VERSION, tables, tokens: engine.tokens.all() };
}

export function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === "object" && value !== null && "version" in value && value.version === VERSION;
}

export function restoreSnapshot(engine: Engine, snapshot: Snapshot): void {
  engine.tables.clear();
  for (const { definition, id, createdAtMs, expiresBy, items } of snapshot.tables) {
    const schema = { partition: definition.schema.partition, sort: definition.schema.sort };
    const table = new Table({ ...definition, schema }, { id, createdAtMs });
    table.load(
      items.map((item) => {
        const attributes = fromPairs(item);
        return storedItem(keyOfItem(schema, attributes), attributes);
      }),
    );
    table.setExpiry(expiresBy ?? undefined);
    engine.tables.set(definition.name, table);
  }
  engine.tokens.load(snapshot.tokens);
}

function pairs(attributes: Attributes): SnapshotAttributes {
  return Array.from(attributes, ([name, value]) => [name, encode(value)]);
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

function encode(value: Value): SnapshotValue {
  switch (value.type) {
    case "S":
    case "N":
      return [value.type, value.value];
    case "B":
      return ["B", toBase64(value.value)];
    case "BOOL":
    case "NULL":
      return [value.type, value.value];
    case "M":
      return ["M", pairs(value.value)];
    case "L":
      return ["L", value.value.map(encode)];
    case "SS":
    case "NS":
      return [value.type, [...value.value]];
    case "BS":
      return ["BS", value.value.map(toBase64)];
  }
}

function fromPairs(attributes: SnapshotAttributes): Map<string, Value> {
  return new Map(attributes.map(([name, value]) => [name, decode(value)]));
}

function decode(encoded: SnapshotValue): Value {
  switch (encoded[0]) {
    case "S":
    case "N":
      return { type: encoded[0], value: encoded[1] };
    case "B":
      return { type: "B", value: fromBase64(encoded[1]) };
    case "BOOL":
      return { type: "BOOL", value: encoded[1] };
    case "NULL":
      return { type: "NULL", value: true };
    case "M":
      return { type: "M", value: fromPairs(encoded[1]) };
    case "L":
      return { type: "L", value: encoded[1].map(decode) };
    case "SS":
    case "NS":
      return { type: encoded[0], value: [...encoded[1]] };
    case "BS":
      return { type: "BS", value: encoded[1].map(fromBase64) };
  }
}
