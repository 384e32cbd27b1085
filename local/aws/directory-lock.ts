/**
 * Owns: one server for each data directory. The lock is a file with the process id of its holder; a holder that is gone
 * (kill -9) leaves the file behind, and the next server takes it over.
 * Must not: outlive its holder in effect. A process id that was given to another process since is told apart by its start time,
 * where the system tells it (Linux).
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataDirectoryLocked } from "./errors.js";

const LOCK_FILE = "lock";

/** Directories this process itself holds: its own id in a lock file is stale unless it is here. */
const held = new Set<string>();

/** Takes the lock or throws DATA_DIRECTORY_LOCKED. The returned function gives it back. */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, LOCK_FILE);
  const content = `${process.pid} ${startOf(process.pid)}\n`;
  // Twice: the second time after a stale file was removed. Another server that gets in between wins, and is named.
  for (let attempt = 1; ; attempt += 1) {
    if (createFile(file, content)) break;
    const holder = liveHolder(file);
    if (holder !== null || attempt === 2) throw dataDirectoryLocked({ directory, pid: holder ?? 0 });
    rmSync(file, { force: true });
  }
  held.add(file);
  return () => {
    if (held.delete(file)) rmSync(file, { force: true });
  };
}

function createFile(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The id of the process that holds the lock, or null when nobody does. */
function liveHolder(file: string): number | null {
  const [pidText = "", start = ""] = readIfPresent(file).trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (pid === process.pid) return held.has(file) ? pid : null;
  if (!isAlive(pid)) return null;
  return start === startOf(pid) ? pid : null;
}

function readIfPresent(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return codeOf(error) === "EPERM";
  }
}

/** When the process started, in the system's own ticks; "?" where there is no /proc. */
function startOf(pid: number): string {
  try {
    // Field 22 of proc(5); the name in field 2 may hold spaces and ends at the last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "?";
  } catch {
    return "?";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
