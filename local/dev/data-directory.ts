/**
 * Owns: the data directory: made where it is missing, kept out of git, emptied of our own files with --fresh, locked while
 * a server uses it.
 * Must not: delete a file that is not ours. `--data .` must never cost anybody their project.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory } from "../aws/directory-lock.js";
import { DurableLog } from "../aws/durable-log.js";
import { dataDirectoryUnusable } from "./errors.js";

const OUR_FILES = ["aws.log", "aws.log.new", "build"];

/** Opens the log of the embedded AWS. Throws DATA_DIRECTORY_LOCKED or DATA_DIRECTORY_UNUSABLE. */
export function openDataDirectory(directory: string, fresh: boolean): DurableLog {
  try {
    mkdirSync(join(directory, "build"), { recursive: true });
    const ignoreFile = join(directory, ".gitignore");
    // Only in a directory of our own: in one that has other files, git is the user's business.
    if (!existsSync(ignoreFile) && !existsSync(join(directory, ".git"))) writeFileSync(ignoreFile, "*\n");
    if (fresh) removeOurFiles(directory);
    return new DurableLog({ directory });
  } catch (error) {
    if (error instanceof Error && "syscall" in error) {
      throw dataDirectoryUnusable({ directory, reason: error.message }, { cause: error });
    }
    throw error;
  }
}

function removeOurFiles(directory: string): void {
  const unlock = lockDirectory(directory);
  for (const name of OUR_FILES) rmSync(join(directory, name), { recursive: true, force: true });
  unlock();
}
