/**
 * Owns: the little XML that S3 speaks: elements, text and entities. No attributes are read, and what S3 never sends (document
 * types, CDATA, processing instructions beyond the declaration) is refused, so there is nothing to expand and nothing to fetch.
 */
import { AwsServiceError } from "../model.js";

export interface XmlElement {
  name: string;
  children: XmlElement[];
  text: string;
}

const TOKEN = /<\?xml[^>]*\?>|<(\/?)([A-Za-z][\w:.-]*)([^<>]*?)(\/?)>|([^<]+)|(<)/gy;
const ENTITY = /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));|&/g;
const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const MAX_DEPTH = 20;

export function malformedXml(): AwsServiceError {
  return new AwsServiceError(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

/** The root element of a document. */
export function parseXml(text: string): XmlElement {
  const top: XmlElement = { name: "", children: [], text: "" };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text);
    if (token === null || token[6] !== undefined) throw malformedXml();
    takeToken(token, open);
  }
  const [root, ...more] = top.children;
  if (root === undefined || more.length > 0 || open.length !== 1) throw malformedXml();
  return root;
}

function takeToken(token: RegExpExecArray, open: XmlElement[]): void {
  const [, closing, name, , selfClosing, text] = token;
  const parent = open.at(-1);
  if (parent === undefined) throw malformedXml();
  if (text !== undefined) parent.text += unescaped(text);
  if (name === undefined) return;
  if (closing === "/") {
    if (open.length === 1 || parent.name !== name) throw malformedXml();
    open.pop();
    return;
  }
  const element: XmlElement = { name, children: [], text: "" };
  parent.children.push(element);
  if (selfClosing === "/") return;
  if (open.length > MAX_DEPTH) throw malformedXml();
  open.push(element);
}

export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

/** An element with a text, or with other elements, already written. */
export function xml(name: string, content: string | number | boolean | readonly string[]): string {
  return `<${name}>${Array.isArray(content) ? content.join("") : escaped(String(content))}</${name}>`;
}

export function xmlDocument(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

function escaped(text: string): string {
  // Control characters as references: a key may hold them, and a parser would otherwise turn "\r\n" into "\n".
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\u0000-\u001f\u0085\u2028]/g, (control) => `&#x${control.charCodeAt(0).toString(16)};`);
}

function unescaped(text: string): string {
  return text.replace(ENTITY, (_entity, hex?: string, decimal?: string, named?: string) => {
    if (named !== undefined) return NAMED[named] ?? "";
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    if (!(code <= 0x10ffff)) throw malformedXml();
    return String.fromCodePoint(code);
  });
}
