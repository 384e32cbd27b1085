/**
 * Owns: moto, an independent emulator of AWS (Python, Apache-2.0), as a child process for the time of a test file.
 */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const PROGRAM = "moto_server";
const RUNNING = /Running on (http:\/\/127\.0\.0\.1:\d+)/;

export interface Moto {
  url: string;
  stop(): void;
}

/** True when `moto_server` can be found on the PATH. */
export function isMotoPresent(): boolean {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  return directories.some((directory) => {
    try {
      accessSync(join(directory, PROGRAM), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Starts moto on a free port. Rejects with what it printed when it ends before it listens. */
export function startMoto(): Promise<Moto> {
  // A process group of its own: the program on the PATH may be a wrapper, and signals must reach what it starts.
  const child = spawn(PROGRAM, ["-H", "127.0.0.1", "-p", "0"], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  return new Promise((resolve, reject) => {
    let printed = "";
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      const url = RUNNING.exec(printed)?.[1];
      if (url !== undefined) resolve({ url, stop });
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`moto_server ended with ${code}: ${printed}`)));
  });
}
