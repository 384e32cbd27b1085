/**
 * Owns: the one file from which the embedded AWS comes back after kill -9: a header, perhaps a snapshot of each model, then
 * one JSON line for each logged call, written before the call is answered. Replay repeats the calls with their recorded time
 * and seed.
 * Must not: know what a call does.
 *
 * I1 A call that was answered is in the file. The write is synchronous, so a killed process leaves it to the kernel; only a
 *    power cut can lose it, unless `fsync` is on.
 * I2 A line is all or nothing: a last line without its newline was never answered and is cut off at open. Calls that must
 *    not be torn apart (a schedule fires and its message is sent) share a line.
 * I3 Compaction writes a new file, syncs it and renames it over the old one: a kill leaves one of the two, whole.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "./directory-lock.js";
import { durableLogBroken, durableLogUnreadable } from "./errors.js";
import { tagged, untagged } from "./log-codec.js";
import type { Input, ServiceName } from "./model.js";

/** One logged call. */
export interface LogRecord {
  /** Wall time of the call, ms since 1970. */
  t: number;
  service: ServiceName;
  op: string;
  input: Input;
  /** Seed of the random source the call drew from. */
  seed: number;
}

export interface DurableLogOptions {
  directory: string;
  /** Also survive a power cut: sync the file after every write (about half a millisecond each on an SSD). */
  fsync?: boolean;
  /** At open, a log with more bytes of calls than this is replaced by a snapshot. */
  compactBytes?: number;
}

/** Who takes what was logged: first the snapshots, then the calls, in the order in which they were made. */
export interface LogReader {
  restore(service: ServiceName, state: unknown): void;
  apply(record: LogRecord): void;
  /** The state of every model, asked for when the log is compacted. */
  snapshots(): readonly (readonly [ServiceName, unknown])[];
}

const LOG_FILE = "aws.log";
const NEW_FILE = "aws.log.new";
const HEADER = '{"log":"perdure-embedded-aws","version":1}';
const DEFAULT_COMPACT_BYTES = 32 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const NEWLINE = 10;

export class DurableLog {
  readonly #directory: string;
  readonly #file: string;
  readonly #fsync: boolean;
  readonly #compactBytes: number;
  readonly #unlock: () => void;
  #descriptor: number;
  #unusable: string | undefined;
  #isClosed = false;

  /** Opens or creates the log of a directory and locks the directory. Call `load` next. */
  constructor(options: DurableLogOptions) {
    this.#directory = options.directory;
    this.#file = join(options.directory, LOG_FILE);
    this.#fsync = options.fsync ?? false;
    this.#compactBytes = options.compactBytes ?? DEFAULT_COMPACT_BYTES;
    this.#unlock = lockDirectory(options.directory);
    try {
      rmSync(join(options.directory, NEW_FILE), { force: true });
      this.#descriptor = openSync(this.#file, "a+");
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  /** Replays the file, cuts off a torn last line, and compacts when the calls outgrew their bound. Returns the calls replayed. */
  load(reader: LogReader): number {
    const { calls, callBytes, wholeBytes } = this.#replay(reader);
    ftruncateSync(this.#descriptor, wholeBytes);
    if (wholeBytes === 0) this.#write(`${HEADER}\n`);
    if (callBytes > this.#compactBytes) this.#compact(reader);
    return calls;
  }

  /** Makes calls durable, all of them or none. */
  append(records: readonly LogRecord[]): void {
    const [first] = records;
    if (first === undefined) return;
    const lines = records.map((record) => ({ ...record, input: tagged(record.input) }));
    this.#write(`${JSON.stringify(lines.length === 1 ? lines[0] : { calls: lines })}\n`);
  }

  /** Closes the file and gives the directory back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unusable = "it is closed";
    closeSync(this.#descriptor);
    this.#unlock();
  }

  #write(text: string): void {
    if (this.#unusable !== undefined) throw durableLogBroken({ file: this.#file, problem: this.#unusable });
    try {
      writeWhole(this.#descriptor, text);
      if (this.#fsync) fsyncSync(this.#descriptor);
    } catch (error) {
      // The file may now end in half a line. Whatever came after it would be lost at the next open, so nothing may.
      this.#unusable = "a write failed";
      throw durableLogBroken({ file: this.#file, problem: this.#unusable }, { cause: error });
    }
  }

  #replay(reader: LogReader): { calls: number; callBytes: number; wholeBytes: number } {
    const seen = { calls: 0, callBytes: 0, wholeBytes: 0 };
    let lineNumber = 0;
    for (const line of wholeLines(this.#descriptor)) {
      lineNumber += 1;
      const records = this.#readLine(line.toString("utf8"), lineNumber, reader);
      seen.wholeBytes += line.length + 1;
      if (records > 0) seen.callBytes += line.length + 1;
      seen.calls += records;
    }
    return seen;
  }

  /** Hands one line to the reader and returns how many calls it held. */
  #readLine(text: string, line: number, reader: LogReader): number {
    const unreadable = (problem: string, cause?: unknown): Error =>
      durableLogUnreadable({ file: this.#file, line, problem }, { cause });
    if (line === 1) {
      if (text !== HEADER) throw unreadable("is not the expected header");
      return 0;
    }
    const content = parseLine(text);
    if (content === undefined) throw unreadable("is damaged");
    try {
      if (content.kind === "snapshot") reader.restore(content.service, content.state);
      else for (const record of content.calls) reader.apply(record);
    } catch (error) {
      throw unreadable(
        `cannot be applied (${error instanceof Error ? `${error.name}: ${error.message}` : "unknown"})`,
        error,
      );
    }
    return content.kind === "snapshot" ? 0 : content.calls.length;
  }

  #compact(reader: LogReader): void {
    const newFile = join(this.#directory, NEW_FILE);
    const descriptor = openSync(newFile, "ax+");
    writeWhole(descriptor, `${HEADER}\n`);
    for (const [service, state] of reader.snapshots()) {
      writeWhole(descriptor, `${JSON.stringify({ snapshot: service, state })}\n`);
    }
    fsyncSync(descriptor);
    renameSync(newFile, this.#file);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    syncDirectory(this.#directory);
  }
}

/** The size of a directory's log, 0 when it has none. */
export function logBytes(directory: string): number {
  return statSync(join(directory, LOG_FILE), { throwIfNoEntry: false })?.size ?? 0;
}

type LineContent = { kind: "snapshot"; service: ServiceName; state: unknown } | { kind: "calls"; calls: LogRecord[] };

function parseLine(text: string): LineContent | undefined {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(line)) return undefined;
  if (isServiceName(line["snapshot"])) return { kind: "snapshot", service: line["snapshot"], state: line["state"] };
  const calls: LogRecord[] = [];
  for (const call of Array.isArray(line["calls"]) ? line["calls"] : [line]) {
    const record = readRecord(call);
    if (record === undefined) return undefined;
    calls.push(record);
  }
  return { kind: "calls", calls };
}

function readRecord(value: unknown): LogRecord | undefined {
  if (!isObject(value)) return undefined;
  const { t, service, op, seed } = value;
  const input = untagged(value["input"]);
  const isRecord =
    typeof t === "number" && isServiceName(service) && typeof op === "string" && typeof seed === "number";
  return isRecord && isObject(input) ? { t, service, op, input, seed } : undefined;
}

/** Of every service that has state. */
const SERVICE_NAMES: ReadonlySet<unknown> = new Set<ServiceName>([
  "dynamodb",
  "sqs",
  "scheduler",
  "s3",
  "secretsmanager",
]);

function isServiceName(value: unknown): value is ServiceName {
  return SERVICE_NAMES.has(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Writes all of `text`: one call may write less than it was given. */
function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  for (let offset = 0; offset < bytes.length;) offset += writeSync(descriptor, bytes, offset);
}

/** The lines of a file that end in a newline, without it. What follows the last newline is not given. */
function* wholeLines(descriptor: number): Generator<Buffer> {
  let pieces: Buffer[] = [];
  let position = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(READ_BYTES);
    const size = readSync(descriptor, chunk, 0, READ_BYTES, position);
    if (size === 0) return;
    position += size;
    let start = 0;
    for (;;) {
      const end = chunk.subarray(0, size).indexOf(NEWLINE, start);
      if (end === -1) break;
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces);
      pieces = [];
      start = end + 1;
    }
    if (start < size) pieces.push(chunk.subarray(start, size));
  }
}

/** Makes a rename durable. Some systems cannot sync a directory; there the rename is as durable as they make it. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } catch {
    return;
  } finally {
    closeSync(descriptor);
  }
}
