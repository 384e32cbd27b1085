/**
 * Owns: the sandbox of the dev server: a child process that loads a bundled module and talks over the IPC channel.
 * kill -9 of the child, its own exit and a timeout all look alike from here: the process is gone.
 * Must not: freeze a child between invocations as Lambda does. A stopped process cannot notice that its parent died, and
 * would stay for ever; so timers left behind by a handler go on here, where on Lambda they would stand still.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Clock } from "../../sdk/clock.js";
import type { FromChild, ToChild } from "./child-protocol.js";
import { InvocationError } from "./invocation.js";
import type { Invocation } from "./invocation.js";
import { Death } from "./sandbox.js";
import type { Sandbox, SandboxAnswer, SandboxFactory } from "./sandbox.js";

export interface ChildOptions {
  clock: Clock;
  /** The built child-main.ts. */
  bootstrapFile: string;
  /** The module that exports `handler`. */
  moduleFile: string;
  environment(sandboxId: string): NodeJS.ProcessEnv;
  /** One line the code printed. */
  onLine(sandboxId: string, line: string, stream: "stdout" | "stderr"): void;
}

/** Lambda gives an environment ten seconds to load its code. */
const INIT_TIMEOUT_MS = 10_000;

export function childSandboxes(options: ChildOptions): SandboxFactory {
  return async (sandboxId) => {
    const child = fork(options.bootstrapFile, [sandboxId, options.moduleFile], {
      env: options.environment(sandboxId),
      execArgv: ["--enable-source-maps"],
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of ["stdout", "stderr"] as const) {
      const input = child[stream];
      if (input !== null) createInterface({ input }).on("line", (line) => options.onLine(sandboxId, line, stream));
    }
    const sandbox = new ChildSandbox(sandboxId, child);
    await sandbox.loaded(options.clock);
    return sandbox;
  };
}

interface Waiting {
  requestId: string;
  resolve(answer: SandboxAnswer): void;
  reject(error: InvocationError): void;
}

class ChildSandbox implements Sandbox {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #death = new Death();
  /** At most one: a sandbox runs one invocation at a time. */
  #waiting: Waiting | undefined;
  #onLoaded: (error?: InvocationError) => void = () => undefined;

  constructor(id: string, child: ChildProcess) {
    this.id = id;
    this.#child = child;
    child.on("message", (message: FromChild) => this.#receive(message));
    // "error" is a child that could not be started or written to; it is as dead as one that exited.
    child.on("error", (error) => this.#death.announce(error.message));
    child.on("exit", (code, signal) =>
      this.#death.announce(
        signal === null ? `exit status ${code ?? 0}` : `signal: ${signal === "SIGKILL" ? "killed" : signal}`,
      ),
    );
  }

  /** Resolves when the code is loaded. Rejects, with the child ended, when it cannot be. */
  loaded(clock: Clock): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: InvocationError): void => {
        cancel();
        reject(error);
        this.kill();
      };
      const cancel = clock.after(INIT_TIMEOUT_MS, () =>
        fail(
          new InvocationError(
            "init",
            "Sandbox.Timedout",
            `the code took more than ${INIT_TIMEOUT_MS / 1000} s to load`,
          ),
        ),
      );
      const forgetDeath = this.onDeath((how) =>
        fail(new InvocationError("init", "Runtime.ExitError", `Runtime exited with error: ${how}`)),
      );
      this.#onLoaded = (error) => {
        forgetDeath();
        if (error !== undefined) return fail(error);
        cancel();
        resolve();
      };
    });
  }

  invoke(eventJson: string, { requestId, settings }: Invocation): Promise<SandboxAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { requestId, resolve, reject };
      const message: ToChild = { kind: "invoke", requestId, eventJson, settings };
      // A failed send means that the child is gone; its "exit" ends the invocation.
      this.#child.send(message, () => undefined);
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  onDeath(listener: (how: string) => void): () => void {
    return this.#death.listen(listener);
  }

  #receive(message: FromChild): void {
    if (message.kind === "ready") return this.#onLoaded();
    if (message.kind === "unloadable") return this.#onLoaded(asError(message));
    const waiting = this.#waiting;
    if (waiting?.requestId !== message.requestId) return;
    this.#waiting = undefined;
    if (message.kind === "error") waiting.reject(asError(message));
    else waiting.resolve({ resultJson: message.resultJson, retire: message.retire });
  }
}

function asError(message: Extract<FromChild, { errorType: string }>): InvocationError {
  return new InvocationError(message.failure, message.errorType, message.message, message.trace);
}
