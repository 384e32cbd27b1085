/**
 * Owns: the `aws-chunked` content encoding, in which SDKs upload streams: chunks with their size (and perhaps a signature) in
 * front, and checksums in trailers. An emulator that stores the frames gives back another object than it was given.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
import { AwsServiceError } from "../model.js";

const CRLF = "\r\n";
const CHUNK_SIZE = /^([0-9a-fA-F]{1,8})(?:;.*)?$/;
const MAX_LINE_BYTES = 8_192;

export interface DecodedBody {
  content: Buffer;
  /** Trailers by lower-case name. */
  trailers: ReadonlyMap<string, string>;
}

export function decodeAwsChunked(body: Buffer): DecodedBody {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const line = lineAt(body, offset);
    const size = Number.parseInt(CHUNK_SIZE.exec(line)?.[1] ?? "", 16);
    if (Number.isNaN(size)) throw incomplete("a chunk does not begin with its size");
    offset += line.length + CRLF.length;
    if (size === 0) return { content: Buffer.concat(chunks), trailers: trailersAt(body, offset) };
    const end = offset + size;
    if (body.toString("latin1", end, end + CRLF.length) !== CRLF) throw incomplete("a chunk is not as long as it says");
    chunks.push(body.subarray(offset, end));
    offset = end + CRLF.length;
  }
}

function trailersAt(body: Buffer, start: number): ReadonlyMap<string, string> {
  const trailers = new Map<string, string>();
  for (const line of body.toString("latin1", start).split(CRLF)) {
    const colon = line.indexOf(":");
    if (colon > 0) trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return trailers;
}

function lineAt(body: Buffer, offset: number): string {
  const end = body.indexOf(CRLF, offset, "latin1");
  if (end === -1 || end - offset > MAX_LINE_BYTES) throw incomplete("it ends inside a chunk");
  return body.toString("latin1", offset, end);
}

function incomplete(problem: string): AwsServiceError {
  return new AwsServiceError("IncompleteBody", `The request body is not aws-chunked: ${problem}`);
}
