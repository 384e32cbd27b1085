/**
 * Owns: private copies of the sources, one for each mutant that is tried at a time, and running tests in them. The working
 * tree is read once and never written.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { realClock } from "../../sdk/clock.js";
import type { Catcher } from "./mutant.js";

/** A mutant may make code that never comes to rest. */
const LONGEST_MS = 180_000;

/** One test that was run. */
export interface TestOutcome {
  file: string;
  name: string;
  passed: boolean;
}

/** `broken`: files that failed before any test of theirs did, with the reason. */
export interface TestReport {
  tests: TestOutcome[];
  broken: string[];
  ended: boolean;
}

export class Lane {
  readonly root: string;
  readonly #remove = (): void => rmSync(this.root, { recursive: true, force: true });

  constructor(source: string) {
    this.root = mkdtempSync(join(tmpdir(), "perdure-mutants-"));
    process.on("exit", this.#remove);
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: source,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    for (const file of listed.split("\0").filter((name) => name !== ""))
      copy(join(source, file), join(this.root, file));
    symlinkSync(join(source, "node_modules"), join(this.root, "node_modules"));
    // What is synthesized is the built runtime.
    execFileSync(process.execPath, [join(this.root, "scripts", "build.mjs")], { cwd: this.root, stdio: "ignore" });
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
  }

  /** Runs the tests whose names fit, each file by itself, until one fails (`bail`) or to the end. */
  async test(catchers: readonly Catcher[], { bail, workers }: { bail: boolean; workers: number }): Promise<TestReport> {
    const report = join(this.root, "mutants-report.json");
    rmSync(report, { force: true });
    const files = [...new Set(catchers.map(({ file }) => file))];
    const names = [...new Set(catchers.map(({ test }) => escaped(test)))].join("|");
    const bailing = bail ? ["--bail", "1"] : [];
    const output = ["--reporter=json", `--outputFile=${report}`, "--cache=false"];
    const args = ["run", ...files, "-t", names, ...bailing, ...output, `--maxWorkers=${workers}`];
    const ended = await this.#run(join("node_modules", "vitest", "vitest.mjs"), args);
    return ended ? readReport(report, this.root) : { tests: [], broken: [], ended: false };
  }

  /** What the compiler says, one error each. */
  async compile(): Promise<string[]> {
    const tsc = join(this.root, "node_modules", "typescript", "bin", "tsc");
    let printed = "";
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, [tsc, "--noEmit", "--pretty", "false"], { cwd: this.root });
      child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
      child.on("error", reject);
      child.on("close", () => resolve());
    });
    return printed.split("\n").filter((line) => /\): error TS/.test(line));
  }

  close(): void {
    process.off("exit", this.#remove);
    this.#remove();
  }

  /** False when it had to be ended. */
  #run(script: string, args: readonly string[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [join(this.root, script), ...args], { cwd: this.root, stdio: "ignore" });
      let late = false;
      const cancel = realClock.after(LONGEST_MS, () => {
        late = true;
        child.kill("SIGKILL");
      });
      child.on("error", reject);
      child.on("close", () => {
        cancel();
        resolve(!late);
      });
    });
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    cpSync(from, to);
  } catch (error) {
    // Listed, and removed from the working tree.
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The parts of the test runner's report that are read. */
interface JsonReport {
  testResults: {
    name: string;
    message: string;
    status: string;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

function readReport(path: string, root: string): TestReport {
  // Written by the test runner.
  const report = JSON.parse(readFileSync(path, "utf8")) as JsonReport;
  const tests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "passed" || status === "failed")
      .map(({ status, fullName }) => ({ file: within(root, name), name: fullName, passed: status === "passed" })),
  );
  const broken = report.testResults
    .filter(({ status, assertionResults }) => status === "failed" && !assertionResults.some(hasFailed))
    .map(({ name, message }) => `${within(root, name)}: ${message.split("\n")[0] ?? ""}`);
  return { tests, broken, ended: true };
}

function hasFailed({ status }: { status: string }): boolean {
  return status === "failed";
}

/** The part of a path below the lane's root, whatever links lead to the latter. */
function within(root: string, path: string): string {
  const at = path.indexOf(root);
  return at === -1 ? path : path.slice(at + root.length + 1);
}
