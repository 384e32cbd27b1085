/**
 * Owns: noticing that one of a set of files was saved. Watches their directories, because editors replace a file rather
 * than write into it, and a watch on a replaced file watches nothing.
 * Must not: build. It says "something changed" once things are quiet.
 */
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../sdk/clock.js";

/** One save is several events; a "save all" several files. */
const QUIET_MS = 100;

export class FileWatch {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #directories = new Map<string, FSWatcher>();
  #files: ReadonlySet<string> = new Set();
  #anyFile = false;
  #cancelQuiet: () => void = () => undefined;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /**
   * Watches these files from now on. After a build that failed (`anyFile`), whatever is saved beside them counts: the file
   * that was missing is in no list.
   */
  follow(files: ReadonlySet<string>, anyFile: boolean): void {
    this.#files = files;
    this.#anyFile = anyFile;
    const wanted = new Set([...files].map(dirname));
    for (const [directory, watcher] of this.#directories) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#directories.delete(directory);
    }
    for (const directory of wanted) if (!this.#directories.has(directory)) this.#watch(directory);
  }

  close(): void {
    this.#cancelQuiet();
    for (const watcher of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, (_event, name) => {
        if (name === null || this.#anyFile || this.#files.has(join(directory, name))) this.#changed();
      });
      watcher.on("error", () => this.#lose(directory));
      this.#directories.set(directory, watcher);
    } catch {
      // The directory went away between the build and now; the next build says so.
      this.#changed();
    }
  }

  #lose(directory: string): void {
    this.#directories.get(directory)?.close();
    this.#directories.delete(directory);
  }

  #changed(): void {
    this.#cancelQuiet();
    this.#cancelQuiet = this.#clock.after(QUIET_MS, this.#onChange);
  }
}
