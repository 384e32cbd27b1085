/**
 * Owns: the S3 operations on one object and its tags, and the checks they share.
 * Source: S3 API reference, one page for each operation; user guide for limits.
 */
import { createHash } from "node:crypto";
import { Parameters } from "../input/parameters.js";
import { NotModelledError, type CallContext, type Input, type Output } from "../model.js";
import { Bucket, type StoredObject } from "./bucket.js";
import {
  inputErrors,
  invalidArgument,
  keyTooLong,
  metadataTooLarge,
  noSuchBucket,
  noSuchKey,
  notFound,
  preconditionFailed,
} from "./errors.js";
import { readTagging, readTagSet, tagSetOutput } from "./tags.js";

export type Buckets = Map<string, Bucket>;

const MAX_KEY_BYTES = 1_024;
const MAX_METADATA_BYTES = 2_048;
const DEFAULT_CONTENT_TYPE = "application/octet-stream";
/** Metadata travels in headers: names are tokens, values printable ASCII. */
const METADATA_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const METADATA_VALUE = /^[\x20-\x7e]*$/;

export function parametersOf(operation: string, input: Input, known: readonly string[]): Parameters {
  return new Parameters(`s3 ${operation}`, input, known, inputErrors);
}

export function requireBucket(buckets: Buckets, parameters: Parameters): Bucket {
  const name = parameters.requireText("Bucket");
  const bucket = buckets.get(name);
  if (bucket === undefined) throw noSuchBucket(name);
  return bucket;
}

export function checkedKey(key: string): string {
  if (key === "") throw invalidArgument("The key must not be empty.");
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes > MAX_KEY_BYTES) throw keyTooLong(sizeBytes, MAX_KEY_BYTES);
  return key;
}

function requireKey(parameters: Parameters): string {
  return checkedKey(parameters.requireText("Key"));
}

function requireObject(buckets: Buckets, parameters: Parameters): StoredObject {
  const bucket = requireBucket(buckets, parameters);
  const key = requireKey(parameters);
  const object = bucket.get(key);
  if (object === undefined) throw noSuchKey(key);
  return object;
}

function readBody(parameters: Parameters): Uint8Array {
  const body = parameters.raw("Body");
  if (body === undefined) return new Uint8Array();
  if (typeof body === "string") return new Uint8Array(Buffer.from(body, "utf8"));
  if (body instanceof Uint8Array) return new Uint8Array(body);
  throw new NotModelledError(
    `Cannot answer ${parameters.where}: a Body that is neither bytes nor text is not modelled`,
  );
}

function readMetadata(parameters: Parameters): Record<string, string> {
  const metadata: [name: string, value: string][] = [];
  let sizeBytes = 0;
  for (const [name, value] of parameters.textMap("Metadata") ?? []) {
    if (!METADATA_NAME.test(name) || !METADATA_VALUE.test(value)) {
      throw new NotModelledError(`Cannot answer ${parameters.where}: metadata other than ASCII is not modelled`);
    }
    sizeBytes += name.length + value.length;
    // Header names have no case; S3 keeps them in lower case.
    metadata.push([name.toLowerCase(), value]);
  }
  if (sizeBytes > MAX_METADATA_BYTES) throw metadataTooLarge(sizeBytes, MAX_METADATA_BYTES);
  return Object.fromEntries(metadata);
}

function requireAbsent(parameters: Parameters, bucket: Bucket, key: string): void {
  const condition = parameters.text("IfNoneMatch");
  if (condition === undefined) return;
  if (condition !== "*") {
    throw new NotModelledError(`Cannot answer ${parameters.where}: IfNoneMatch other than "*" is not modelled`);
  }
  if (bucket.get(key) !== undefined) throw preconditionFailed("If-None-Match");
}

export function putObject(buckets: Buckets, input: Input, context: CallContext): Output {
  const parameters = parametersOf("PutObject", input, [
    "Bucket",
    "Key",
    "Body",
    "ContentLength",
    "ContentType",
    "ContentEncoding",
    "Metadata",
    "Tagging",
    "IfNoneMatch",
  ]);
  const bucket = requireBucket(buckets, parameters);
  const key = requireKey(parameters);
  const body = readBody(parameters);
  const contentLength = parameters.integer("ContentLength") ?? body.byteLength;
  if (contentLength !== body.byteLength) throw invalidArgument("ContentLength is not the length of the Body.");
  const tags = readTagging(parameters.text("Tagging"));
  const metadata = readMetadata(parameters);
  context.meter({ s3Puts: 1 });
  requireAbsent(parameters, bucket, key);
  const eTag = `"${createHash("md5").update(body).digest("hex")}"`;
  bucket.put({
    key,
    body,
    eTag,
    contentType: parameters.text("ContentType") ?? DEFAULT_CONTENT_TYPE,
    contentEncoding: parameters.text("ContentEncoding") ?? null,
    metadata,
    tags,
    modifiedAtMs: context.nowMs,
  });
  return { ETag: eTag };
}

function headOutput(object: StoredObject): Output {
  return {
    AcceptRanges: "bytes",
    LastModified: new Date(Math.floor(object.modifiedAtMs / 1_000) * 1_000),
    ContentLength: object.body.byteLength,
    ETag: object.eTag,
    ContentType: object.contentType,
    ...(object.contentEncoding !== null && { ContentEncoding: object.contentEncoding }),
    Metadata: { ...object.metadata },
    ...(object.tags.length > 0 && { TagCount: object.tags.length }),
  };
}

/** The Body is plain bytes here; each face gives it the form its callers know. */
export function getObject(buckets: Buckets, input: Input, context: CallContext): Output {
  const parameters = parametersOf("GetObject", input, ["Bucket", "Key"]);
  context.meter({ s3Gets: 1 });
  const object = requireObject(buckets, parameters);
  return { ...headOutput(object), Body: new Uint8Array(object.body) };
}

export function headObject(buckets: Buckets, input: Input, context: CallContext): Output {
  const parameters = parametersOf("HeadObject", input, ["Bucket", "Key"]);
  context.meter({ s3Gets: 1 });
  const object = buckets.get(parameters.requireText("Bucket"))?.get(requireKey(parameters));
  if (object === undefined) throw notFound();
  return headOutput(object);
}

/** Deletes are free, and deleting what is not there succeeds. */
export function deleteObject(buckets: Buckets, input: Input): Output {
  const parameters = parametersOf("DeleteObject", input, ["Bucket", "Key"]);
  requireBucket(buckets, parameters).delete(requireKey(parameters));
  return {};
}

export function putObjectTagging(buckets: Buckets, input: Input, context: CallContext): Output {
  const parameters = parametersOf("PutObjectTagging", input, ["Bucket", "Key", "Tagging"]);
  const object = requireObject(buckets, parameters);
  object.tags = readTagSet(parameters);
  context.meter({ s3Puts: 1 });
  return {};
}

export function getObjectTagging(buckets: Buckets, input: Input, context: CallContext): Output {
  const parameters = parametersOf("GetObjectTagging", input, ["Bucket", "Key"]);
  context.meter({ s3Gets: 1 });
  return { TagSet: tagSetOutput(requireObject(buckets, parameters).tags) };
}
