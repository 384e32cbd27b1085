/**
 * Owns: what the tests of the dev server share: the built package in a project of its own, and the command as a child process
 * whose lines can be waited for.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "../../scripts/build.mjs";

const REPOSITORY = resolve(import.meta.dirname, "../..");

export interface Project {
  /** The built package, as npm would install it. */
  packageDirectory: string;
  /** The user's project, in which "perdure" resolves to the package. */
  directory: string;
  write(name: string, content: string): void;
  remove(): void;
}

/** Builds the package into a directory below the repository's node_modules, where its dependencies are found. */
export async function makeProject(files: Record<string, string>): Promise<Project> {
  const cache = join(REPOSITORY, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, "perdure-"));
  const packageDirectory = join(root, "package");
  const directory = join(root, "project");
  await build({ outdir: join(packageDirectory, "dist") });
  copyFileSync(join(REPOSITORY, "package.json"), join(packageDirectory, "package.json"));
  mkdirSync(join(directory, "node_modules"), { recursive: true });
  symlinkSync(packageDirectory, join(directory, "node_modules", "perdure"), "dir");
  const write = (name: string, content: string): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  };
  // Without one of its own, the project would belong to the repository's package and resolve "perdure" to itself.
  write("package.json", JSON.stringify({ name: "project", private: true, type: "module" }));
  for (const [name, content] of Object.entries(files)) write(name, content);
  return {
    packageDirectory,
    directory,
    write,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export class DevProcess {
  readonly #child: ChildProcess;
  readonly lines: string[] = [];
  /** Exit code and signal. */
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(project: Project, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [join(project.packageDirectory, "dist", "cli.js"), ...args], {
      cwd: project.directory,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      if (input !== null) createInterface({ input }).on("line", (line) => this.#take(line));
    }
    this.ended = new Promise((settle) => {
      this.#child.on("close", (code, signal) => {
        this.#isOver = true;
        this.#wake();
        settle([code, signal]);
      });
    });
  }

  /** The first line that matches, printed already or to come. Rejects when the process ends without it. */
  async line(pattern: RegExp, after = 0): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines.slice(after)) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (this.#isOver) throw new Error(`The server ended without a line like ${pattern}:\n${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  count(pattern: RegExp): number {
    return this.lines.filter((line) => pattern.test(line)).length;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  #take(line: string): void {
    this.lines.push(line);
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
