/**
 * Owns: by how much a cron's start is put off, so that functions with the same cron do not all start together. Pure.
 * J1 The same tick has the same offset, whoever asks and however often: a redelivery moves nothing.
 */
import { createHash } from "node:crypto";

/** Whole ms from 0 to `jitterMs`, drawn for this one tick by a hash of what names it. */
export function jitterOffsetMs(seed: string, atMs: number, jitterMs: number): number {
  if (jitterMs <= 0) return 0;
  const drawn = createHash("sha256").update(`jitter\n${seed}\n${atMs}`, "utf8").digest().readUInt32BE(0);
  // 2^32 values over at most 300,001 of them: the lowest ones are favoured by less than one in ten thousand.
  return drawn % (jitterMs + 1);
}
