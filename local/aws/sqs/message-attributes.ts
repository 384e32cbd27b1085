/**
 * Owns: message attributes: their rules, their size and their MD5, which SDKs compare with their own.
 * Sources: SQS developer guide, "Amazon SQS message metadata" (rules and the MD5 calculation).
 * Must not: know queues.
 */
import { createHash } from "node:crypto";
import type { Parameters } from "../input/parameters.js";
import { NotModelledError, type Output } from "../model.js";
import { invalidMessageContents, invalidValue } from "./errors.js";

/** Binary values are base64 text, so that a message is plain JSON. */
export interface MessageAttribute {
  name: string;
  dataType: string;
  value: string;
  isBinary: boolean;
}

export const ATTRIBUTE_MEMBERS = ["DataType", "StringValue", "BinaryValue", "StringListValues", "BinaryListValues"];

const MAX_ATTRIBUTES = 10;
const MAX_NAME_CHARACTERS = 256;
const NAME = /^(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]+(?<!\.)$/;
const RESERVED_NAME = /^(aws|amazon)\./i;
const DATA_TYPE = /^(String|Number|Binary)(\.[^\p{C}]+)?$/u;
/** A number with up to 38 digits of precision and an exponent. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$/;

/** Everything outside the characters of XML 1.0, lone surrogates included. Source: SendMessage, "MessageBody". */
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

export function requireXmlCharacters(text: string): void {
  if (NOT_XML.test(text)) throw invalidMessageContents();
}

function checkName(name: string): void {
  if (name.length > MAX_NAME_CHARACTERS || !NAME.test(name) || RESERVED_NAME.test(name)) {
    throw invalidValue(`The message attribute name '${name}' is invalid. See SendMessage for valid attribute names.`);
  }
}

function readText(name: string, dataType: string, attribute: Parameters): MessageAttribute {
  const value = attribute.text("StringValue");
  if (!value) {
    throw invalidValue(`The message attribute '${name}' must contain non-empty message attribute value.`);
  }
  requireXmlCharacters(value);
  if (dataType.startsWith("Number") && !NUMBER.test(value)) {
    throw invalidValue(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return { name, dataType, value, isBinary: false };
}

function readBinary(name: string, dataType: string, attribute: Parameters): MessageAttribute {
  const bytes = attribute.bytes("BinaryValue");
  if (bytes === undefined || bytes.byteLength === 0) {
    throw invalidValue(`The message attribute '${name}' must contain non-empty message attribute value.`);
  }
  return { name, dataType, value: Buffer.from(bytes).toString("base64"), isBinary: true };
}

function readAttribute(name: string, attribute: Parameters): MessageAttribute {
  checkName(name);
  if (attribute.has("StringListValues") || attribute.has("BinaryListValues")) {
    throw new NotModelledError(
      `Cannot answer ${attribute.where}: list values are not modelled (nor implemented by SQS)`,
    );
  }
  const dataType = attribute.text("DataType") ?? "";
  if (dataType.length > MAX_NAME_CHARACTERS || !DATA_TYPE.test(dataType)) {
    throw invalidValue(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  return dataType.startsWith("Binary") ? readBinary(name, dataType, attribute) : readText(name, dataType, attribute);
}

export function readAttributes(input: ReadonlyMap<string, Parameters> | undefined): MessageAttribute[] {
  if (input === undefined) return [];
  if (input.size > MAX_ATTRIBUTES) {
    throw invalidValue(`Number of message attributes [${input.size}] exceeds the allowed maximum [${MAX_ATTRIBUTES}].`);
  }
  return [...input].map(([name, attribute]) => readAttribute(name, attribute));
}

function valueBytes(attribute: MessageAttribute): Buffer {
  return Buffer.from(attribute.value, attribute.isBinary ? "base64" : "utf8");
}

/** What the attributes add to the size of their message. */
export function attributesBytes(attributes: readonly MessageAttribute[]): number {
  let bytes = 0;
  for (const attribute of attributes) {
    bytes += Buffer.byteLength(attribute.name) + Buffer.byteLength(attribute.dataType);
    bytes += Buffer.byteLength(attribute.value, attribute.isBinary ? "base64" : "utf8");
  }
  return bytes;
}

function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return [length, bytes];
}

const TRANSPORT_STRING = Buffer.of(1);
const TRANSPORT_BINARY = Buffer.of(2);

/** MD5 over the attributes sorted by name: length and bytes of name and type, transport type, length and bytes of the value. */
export function attributesMd5(attributes: readonly MessageAttribute[]): string | undefined {
  if (attributes.length === 0) return undefined;
  const hash = createHash("md5");
  const sorted = [...attributes].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const attribute of sorted) {
    for (const part of withLength(Buffer.from(attribute.name))) hash.update(part);
    for (const part of withLength(Buffer.from(attribute.dataType))) hash.update(part);
    hash.update(attribute.isBinary ? TRANSPORT_BINARY : TRANSPORT_STRING);
    for (const part of withLength(valueBytes(attribute))) hash.update(part);
  }
  return hash.digest("hex");
}

/** The attributes a receive asked for: exact names, `All` or `.*`, or a prefix as `prefix.*`. */
export function selectAttributes(
  attributes: readonly MessageAttribute[],
  asked: readonly string[],
): readonly MessageAttribute[] {
  if (asked.length === 0 || attributes.length === 0) return [];
  if (asked.includes("All") || asked.includes(".*")) return attributes;
  return attributes.filter(({ name }) =>
    asked.some((wanted) => (wanted.endsWith(".*") ? name.startsWith(wanted.slice(0, -2)) : name === wanted)),
  );
}

export function attributesOutput(attributes: readonly MessageAttribute[]): Output {
  const entries = attributes.map((attribute): [string, Output] => [
    attribute.name,
    attribute.isBinary
      ? { BinaryValue: new Uint8Array(valueBytes(attribute)), DataType: attribute.dataType }
      : { StringValue: attribute.value, DataType: attribute.dataType },
  ]);
  return Object.fromEntries(entries);
}
