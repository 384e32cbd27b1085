/**
 * Owns: the dev server as processes: started, killed and started again on the same data directory and port; which sandboxes
 * live under it; the end of everything that was ever started here.
 * Must not: decide whom to strike.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { sleep, type Clock } from "../../sdk/clock.js";

export interface Place {
  /** The built package, as npm would install it. */
  packageDirectory: string;
  /** A project with the app in src/worker.ts, in which "perdure" is that package. */
  projectDirectory: string;
}

export interface Sandbox {
  pid: number;
  /** Such as "worker-3". */
  name: string;
}

interface ProcessLine {
  pid: number;
  parent: number;
  args: string;
}

/** Starts that may fail in a row: a loaded machine may need more than the ten seconds that code is given to load. */
const START_TRIES = 5;
const START_PATIENCE_MS = 60_000;
const POLL_MS = 200;

export class DevTree {
  readonly #place: Place;
  readonly #clock: Clock;
  readonly #port: number;
  #server: ChildProcess | undefined;
  /** Each server leads a process group, which its sandboxes stay in after its death. */
  readonly #groups: number[] = [];

  constructor(place: Place, port: number, clock: Clock) {
    this.#place = place;
    this.#port = port;
    this.#clock = clock;
  }

  get effectsFile(): string {
    return join(this.#place.projectDirectory, "effects.jsonl");
  }

  get pid(): number {
    const pid = this.#server?.pid;
    if (pid === undefined) throw new Error("The server was not started");
    return pid;
  }

  /** Resolves when the server has said that it listens: asking it would only add to what awaits it. */
  async start(): Promise<void> {
    for (let tries = 1; tries <= START_TRIES; tries += 1) {
      const before = this.#timesListening();
      const server = this.#spawn();
      const endMs = this.#clock.monotonic() + START_PATIENCE_MS;
      while (isRunning(server) && this.#clock.monotonic() < endMs) {
        if (this.#timesListening() > before) return;
        await sleep(this.#clock, POLL_MS);
      }
      await this.#strike("SIGKILL", this.pid);
    }
    throw new Error(`The server did not start in ${START_TRIES} tries: see server.log in its project`);
  }

  /** kill -9 of the server alone: its sandboxes see that it is gone. */
  killServer(): Promise<void> {
    return this.#strike("SIGKILL", this.pid);
  }

  /** kill -9 of the server and all its sandboxes: the machine is switched off. */
  async killAll(): Promise<void> {
    await this.#strike("SIGKILL", -this.pid);
  }

  sandboxes(): Sandbox[] {
    return processes().flatMap(({ pid, parent, args }) => {
      const name = parent === this.pid ? this.#sandboxName(args) : undefined;
      return name === undefined ? [] : [{ pid, name }];
    });
  }

  /** Sandboxes that are not under the server that runs now. */
  strays(): string[] {
    return processes()
      .filter(({ parent, args }) => parent !== this.pid && this.#sandboxName(args) !== undefined)
      .map(({ pid, args }) => `${pid} ${args}`);
  }

  /** Ends whatever was started here, stopped or not. */
  end(): void {
    for (const group of this.#groups) signal(-group, "SIGKILL");
  }

  get #logFile(): string {
    return join(this.#place.projectDirectory, "server.log");
  }

  #timesListening(): number {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, "utf8").split(/^ *listening +http/m).length : 1;
  }

  #spawn(): ChildProcess {
    const { packageDirectory, projectDirectory } = this.#place;
    const log = openSync(this.#logFile, "a");
    const args = [join(packageDirectory, "dist", "cli.js"), "dev", "--port", String(this.#port), "--data", "data"];
    const server = spawn(process.execPath, args, {
      cwd: projectDirectory,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], EFFECTS_FILE: this.effectsFile },
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    server.on("error", (error) => console.error(`The server could not be started: ${error.message}`));
    if (server.pid !== undefined) this.#groups.push(server.pid);
    this.#server = server;
    return server;
  }

  async #strike(name: NodeJS.Signals, target: number): Promise<void> {
    const server = this.#server;
    signal(target, name);
    while (server && isRunning(server)) await sleep(this.#clock, POLL_MS / 10);
  }

  #sandboxName(args: string): string | undefined {
    const bootstrap = `${join(this.#place.packageDirectory, "dist", "sandbox.js")} `;
    const at = args.indexOf(bootstrap);
    return at < 0 ? undefined : args.slice(at + bootstrap.length).split(" ")[0];
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Signals a process, or with a negative id its group. False when there is none any more. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function processes(): ProcessLine[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 });
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : null;
      probe.close(() => (port === null ? reject(new Error("No port is free")) : resolve(port)));
    });
  });
}
