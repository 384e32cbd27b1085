/**
 * Owns: the content of an S3 request once its transport is taken off: `aws-chunked` frames decoded, and every checksum the
 * client sent (in a header, or in a trailer) verified.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { AwsServiceError, NotModelledError } from "../model.js";
import { decodeAwsChunked } from "./aws-chunked.js";
import type { WireRequest } from "./protocol.js";

const CHECKSUM_PREFIX = "x-amz-checksum-";
/** Ask for a checksum; are none. */
const CHECKSUM_SETTINGS: ReadonlySet<string> = new Set(["mode", "algorithm", "type"]);

export function storedContent({ headers, body }: WireRequest): Buffer {
  const isChunked = /\baws-chunked\b/.test(headers["content-encoding"] ?? "");
  const { content, trailers } = isChunked
    ? decodeAwsChunked(body)
    : { content: body, trailers: new Map<string, string>() };
  const declared = headers["x-amz-decoded-content-length"];
  if (isChunked && declared !== undefined && Number(declared) !== content.length) {
    throw new AwsServiceError(
      "IncompleteBody",
      "You did not provide the number of bytes specified by the Content-Length HTTP header",
    );
  }
  const md5 = headers["content-md5"];
  verify("md5", typeof md5 === "string" ? md5 : undefined, content);
  for (const [name, value] of [...Object.entries(headers), ...trailers]) {
    if (typeof value !== "string" || !name.startsWith(CHECKSUM_PREFIX)) continue;
    const algorithm = name.slice(CHECKSUM_PREFIX.length);
    if (!CHECKSUM_SETTINGS.has(algorithm)) verify(algorithm, value, content);
  }
  return content;
}

function verify(algorithm: string, expected: string | undefined, content: Buffer): void {
  if (expected === undefined || expected === checksum(algorithm, content)) return;
  throw new AwsServiceError("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`);
}

function checksum(algorithm: string, content: Buffer): string {
  switch (algorithm) {
    case "md5":
    case "sha1":
    case "sha256":
      return createHash(algorithm).update(content).digest("base64");
    case "crc32": {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc32(content));
      return bytes.toString("base64");
    }
    default:
      throw new NotModelledError(`Cannot verify s3 checksum "${algorithm}": it is not modelled`);
  }
}
