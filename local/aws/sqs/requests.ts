/** Owns: how SQS counts what it bills: every API call is at least one request, and one for each 64 KiB of payload. */

const CHUNK_BYTES = 65_536;

export function requestsFor(payloadBytes: number): number {
  return Math.max(1, Math.ceil(payloadBytes / CHUNK_BYTES));
}
