/**
 * Owns: the S3 operations on a bucket as a whole: create it, list it, delete many of its objects.
 * Source: S3 API reference, one page for each operation.
 */
import type { CallContext, Input, Output } from "../model.js";
import { Bucket, type StoredObject } from "./bucket.js";
import { inputErrors, invalidArgument, invalidBucketName, malformedXml } from "./errors.js";
import { checkedKey, parametersOf, requireBucket, type Buckets } from "./object-operations.js";

const BUCKET_NAME = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IP_ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;
const MAX_DELETED = 1_000;
const MAX_LISTED = 1_000;

/** In us-east-1, to create one's own bucket again succeeds and changes nothing. */
export function createBucket(buckets: Buckets, input: Input, context: CallContext): Output {
  const name = parametersOf("CreateBucket", input, ["Bucket"]).requireText("Bucket");
  if (!BUCKET_NAME.test(name) || IP_ADDRESS.test(name)) throw invalidBucketName(name);
  context.meter({ s3Puts: 1 });
  if (!buckets.has(name)) buckets.set(name, new Bucket(name, context.nowMs));
  return { Location: `/${name}` };
}

export function deleteObjects(buckets: Buckets, input: Input): Output {
  const parameters = parametersOf("DeleteObjects", input, ["Bucket", "Delete"]);
  const bucket = requireBucket(buckets, parameters);
  const request = parameters.requireStructure("Delete", ["Objects", "Quiet"]);
  const objects = request.structures("Objects", ["Key"]);
  if (objects === undefined) throw inputErrors.missing("Objects");
  if (objects.length === 0 || objects.length > MAX_DELETED) throw malformedXml();
  const keys = objects.map((object) => checkedKey(object.requireText("Key")));
  for (const key of keys) bucket.delete(key);
  return request.flag("Quiet") === true ? {} : { Deleted: keys.map((Key) => ({ Key })) };
}

function listedOutput(object: StoredObject): Output {
  return {
    Key: object.key,
    LastModified: new Date(Math.floor(object.modifiedAtMs / 1_000) * 1_000),
    ETag: object.eTag,
    Size: object.body.byteLength,
    StorageClass: "STANDARD",
  };
}

/** The token is the last key of the page before, wrapped. */
function readToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  const key = Buffer.from(token, "base64").toString("utf8");
  if (key === "") throw invalidArgument("The continuation token provided is incorrect");
  return key;
}

export function listObjectsV2(buckets: Buckets, input: Input, context: CallContext): Output {
  const known = ["Bucket", "Prefix", "MaxKeys", "ContinuationToken", "StartAfter"];
  const parameters = parametersOf("ListObjectsV2", input, known);
  const bucket = requireBucket(buckets, parameters);
  context.meter({ s3Puts: 1 });
  const prefix = parameters.text("Prefix") ?? "";
  const maxKeys = parameters.integer("MaxKeys") ?? MAX_LISTED;
  if (maxKeys < 0) throw invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647");
  const limit = Math.min(maxKeys, MAX_LISTED);
  const token = parameters.text("ContinuationToken");
  const startAfter = parameters.text("StartAfter");
  const found = bucket.list(prefix, readToken(token) ?? startAfter ?? "", limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const isTruncated = last !== undefined && found.length > limit;
  return {
    Name: bucket.name,
    Prefix: prefix,
    MaxKeys: limit,
    KeyCount: page.length,
    IsTruncated: isTruncated,
    ...(token !== undefined && { ContinuationToken: token }),
    ...(startAfter !== undefined && { StartAfter: startAfter }),
    ...(page.length > 0 && { Contents: page.map(listedOutput) }),
    ...(isTruncated && { NextContinuationToken: Buffer.from(last.key).toString("base64") }),
  };
}
