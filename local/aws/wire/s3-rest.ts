/**
 * Owns: the REST-XML protocol of S3, path style (`forcePathStyle: true`): what a request asks for, and how answers are written.
 * Must not: check input; the model does. A header or query parameter we do not know is handed on under its own name, so that
 * the model refuses it.
 */
import type { IncomingHttpHeaders } from "node:http";
import { AwsServiceError, type Input, type Output } from "../model.js";
import { unknownOperation, type Protocol, type WireAnswer, type WireCall, type WireRequest } from "./protocol.js";
import { storedContent } from "./s3-content.js";
import { childText, malformedXml, parseXml, xml, xmlDocument, type XmlElement } from "./xml.js";

const MAX_BODY_BYTES = 128 * 1024 * 1024;
const NO_HEADERS: Record<string, string> = {};

/** The query parameter that tells operations on one resource apart → operation. `-` is none of them. */
const OBJECT_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["PUT -", "PutObject"],
  ["GET -", "GetObject"],
  ["HEAD -", "HeadObject"],
  ["DELETE -", "DeleteObject"],
  ["PUT tagging", "PutObjectTagging"],
  ["GET tagging", "GetObjectTagging"],
]);
const BUCKET_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["PUT -", "CreateBucket"],
  ["POST delete", "DeleteObjects"],
  ["GET list-type", "ListObjectsV2"],
]);

const SUBRESOURCES = ["tagging", "delete", "list-type"];
/** Tells the operation, not a parameter of it: the SDK adds x-id to every request. */
const ROUTING_PARAMETERS: ReadonlySet<string> = new Set([...SUBRESOURCES, "x-id"]);

const QUERY_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["prefix", "Prefix"],
  ["delimiter", "Delimiter"],
  ["max-keys", "MaxKeys"],
  ["start-after", "StartAfter"],
  ["continuation-token", "ContinuationToken"],
  ["encoding-type", "EncodingType"],
]);

const HEADER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["content-type", "ContentType"],
  ["content-encoding", "ContentEncoding"],
  ["content-disposition", "ContentDisposition"],
  ["content-language", "ContentLanguage"],
  ["cache-control", "CacheControl"],
  ["expires", "Expires"],
  ["range", "Range"],
  ["if-match", "IfMatch"],
  ["if-none-match", "IfNoneMatch"],
  ["if-modified-since", "IfModifiedSince"],
  ["if-unmodified-since", "IfUnmodifiedSince"],
  ["x-amz-tagging", "Tagging"],
]);

/** Headers of the transport and of signing, which no model is asked about. Checksums are verified by storedContent. */
const TRANSPORT_HEADERS =
  /^x-amz-(date|content-sha256|user-agent|decoded-content-length|trailer|security-token|checksum-.*|sdk-checksum-algorithm)$/;
const METADATA_PREFIX = "x-amz-meta-";

export const s3Protocol: Protocol = { maxBodyBytes: MAX_BODY_BYTES, read, write, writeError };

function read(request: WireRequest): WireCall {
  const { bucket, key } = resourceOf(request.path);
  const subresource = SUBRESOURCES.find((name) => request.query.has(name)) ?? "-";
  const operations = key === undefined ? BUCKET_OPERATIONS : OBJECT_OPERATIONS;
  const operation = operations.get(`${request.method} ${subresource}`);
  if (operation === undefined || bucket === "") throw unknownOperation(`${request.method} ${request.path}`);
  const input: Input = { Bucket: bucket, ...(key !== undefined && { Key: key }) };
  addQuery(input, request.query);
  addHeaders(input, request.headers, operation === "PutObject");
  addBody(input, operation, request);
  return { operation, input };
}

function resourceOf(path: string): { bucket: string; key: string | undefined } {
  const [, bucket = "", ...rest] = path.split("/");
  const key = rest.join("/");
  try {
    return { bucket: decodeURIComponent(bucket), key: key === "" ? undefined : decodeURIComponent(key) };
  } catch {
    throw new AwsServiceError("InvalidURI", "Couldn't parse the specified URI.");
  }
}

function addQuery(input: Input, query: URLSearchParams): void {
  for (const [parameter, text] of query) {
    if (ROUTING_PARAMETERS.has(parameter)) continue;
    const member = QUERY_MEMBERS.get(parameter) ?? parameter;
    input[member] = member === "MaxKeys" ? Number(text) : text;
  }
}

function addHeaders(input: Input, headers: IncomingHttpHeaders, hasContent: boolean): void {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string") continue;
    const member = HEADER_MEMBERS.get(name);
    if (name.startsWith(METADATA_PREFIX)) metadata[name.slice(METADATA_PREFIX.length)] = value;
    // Only an upload's body is the object; the other operations' content headers describe their XML.
    else if (member !== undefined && (hasContent || !name.startsWith("content-"))) input[member] = value;
    else if (name.startsWith("x-amz-") && !TRANSPORT_HEADERS.test(name)) input[name] = value;
  }
  if (Object.keys(metadata).length > 0) input["Metadata"] = metadata;
  if (hasContent) removeChunkedEncoding(input);
}

/** `aws-chunked` is how the body travelled, not what the object is. */
function removeChunkedEncoding(input: Input): void {
  const encodings = String(input["ContentEncoding"] ?? "").split(",");
  const kept = encodings.map((encoding) => encoding.trim()).filter((encoding) => !/^(aws-chunked)?$/.test(encoding));
  if (kept.length > 0) input["ContentEncoding"] = kept.join(",");
  else delete input["ContentEncoding"];
}

function addBody(input: Input, operation: string, request: WireRequest): void {
  const content = storedContent(request);
  if (operation === "PutObject") input["Body"] = content;
  if (operation === "PutObjectTagging") input["Tagging"] = taggingOf(parseXml(content.toString("utf8")));
  if (operation === "DeleteObjects") input["Delete"] = deleteOf(parseXml(content.toString("utf8")));
  if (operation === "CreateBucket" && content.length > 0) {
    const location = childText(parseXml(content.toString("utf8")), "LocationConstraint");
    input["CreateBucketConfiguration"] = { LocationConstraint: location };
  }
}

function taggingOf(root: XmlElement): Input {
  const tagSet = root.children.find((child) => child.name === "TagSet");
  if (root.name !== "Tagging" || tagSet === undefined) throw malformedXml();
  const tags = tagSet.children.map((tag) => ({ Key: childText(tag, "Key"), Value: childText(tag, "Value") }));
  return { TagSet: tags };
}

function deleteOf(root: XmlElement): Input {
  if (root.name !== "Delete") throw malformedXml();
  const objects = root.children.filter((child) => child.name === "Object").map(memberTexts);
  const quiet = childText(root, "Quiet");
  return { Objects: objects, ...(quiet !== undefined && { Quiet: quiet === "true" }) };
}

function memberTexts(element: XmlElement): Input {
  return Object.fromEntries(element.children.map((child) => [child.name, child.text]));
}

function write({ operation, input }: WireCall, output: Output): WireAnswer {
  switch (operation) {
    case "CreateBucket":
      return { status: 200, headers: { location: `/${String(input["Bucket"])}` }, body: "" };
    case "DeleteObject":
      return { status: 204, headers: NO_HEADERS, body: "" };
    case "DeleteObjects":
      return xmlAnswer(
        xml("DeleteResult", [...elements("Deleted", output["Deleted"]), ...elements("Error", output["Errors"])]),
      );
    case "GetObjectTagging":
      return xmlAnswer(xml("Tagging", [xml("TagSet", elements("Tag", output["TagSet"]))]));
    case "ListObjectsV2":
      return xmlAnswer(xml("ListBucketResult", listMembers(output)));
    default:
      return { status: 200, headers: objectHeaders(output), body: bodyOf(output) };
  }
}

function writeError(error: AwsServiceError, request: WireRequest): WireAnswer {
  const headers = { "content-type": "application/xml" };
  if (request.method === "HEAD" || error.statusCode === 304) return { status: error.statusCode, headers, body: "" };
  const members = Object.entries(error.members).map(([name, value]) => xml(name, String(value)));
  const content = xml("Error", [xml("Code", error.name), xml("Message", error.message), ...members]);
  return { status: error.statusCode, headers, body: xmlDocument(content) };
}

function xmlAnswer(root: string): WireAnswer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: xmlDocument(root) };
}

/** One element for each structure in a list, its scalar members inside. */
function elements(name: string, list: unknown): string[] {
  return Array.isArray(list) ? list.map((structure: unknown) => xml(name, members(structure))) : [];
}

function members(structure: unknown): string[] {
  if (typeof structure !== "object" || structure === null) return [];
  return Object.entries(structure).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [xml(name, value instanceof Date ? value.toISOString() : String(value))];
  });
}

function listMembers(output: Output): string[] {
  const { Contents: contents, CommonPrefixes: prefixes, ...scalars } = output;
  return [...members(scalars), ...elements("Contents", contents), ...elements("CommonPrefixes", prefixes)];
}

/** What GetObject, HeadObject, PutObject and PutObjectTagging answer in headers. */
function objectHeaders(output: Output): Record<string, string> {
  const headers: Record<string, string> = {};
  const add = (header: string, value: unknown): void => {
    if (value !== undefined) headers[header] = value instanceof Date ? value.toUTCString() : String(value);
  };
  add("etag", output["ETag"]);
  add("content-type", output["ContentType"]);
  add("content-encoding", output["ContentEncoding"]);
  add("content-length", output["ContentLength"]);
  add("last-modified", output["LastModified"]);
  add("accept-ranges", output["AcceptRanges"]);
  add("x-amz-tagging-count", output["TagCount"]);
  const metadata = output["Metadata"];
  if (typeof metadata === "object" && metadata !== null) {
    for (const [name, value] of Object.entries(metadata)) add(`${METADATA_PREFIX}${name}`, value);
  }
  return headers;
}

function bodyOf(output: Output): Uint8Array | string {
  const body = output["Body"];
  return body instanceof Uint8Array ? body : "";
}
