/** Owns: what a turn says in the log and counts: failures, attempts, divergences. Names only: an error's text may hold what its run is about. */
import type { LogEntry, SerializedError } from "../../sdk/protocol.js";
import { appOfRun } from "../core/ids.js";
import type { MetricName } from "../observe/metrics.js";
import type { Services } from "../services.js";

export class TurnNotes {
  readonly #services: Services;
  readonly #about: { runId: string; epoch: number; functionId: string };

  constructor(services: Services, about: { runId: string; epoch: number; functionId: string }) {
    this.#services = services;
    this.#about = about;
  }

  /** An alarm counts these. */
  failure({ name }: SerializedError): void {
    this.count("RunsFailed", `Run "${this.#about.runId}" failed`, { errorName: name });
  }

  attempt(entry: LogEntry): void {
    if (!("err" in entry && "a" in entry)) return;
    const step = "id" in entry ? { step: entry.id, stepIndex: entry.i } : {};
    const what = "id" in entry ? `of step "${entry.id}"` : "of the function";
    const about = { ...step, attempt: entry.a, errorName: entry.err.name, ...retryAt(entry) };
    this.count("AttemptsFailed", `Attempt ${entry.a} ${what} of run "${this.#about.runId}" failed`, about);
  }

  /** The platform's own error: it names steps and kinds, and no data. */
  divergence(error: { message: string }): void {
    const message = `Run "${this.#about.runId}" rests until its code fits its history again: ${error.message}`;
    this.count("RunsDiverged", message, {});
  }

  count(name: MetricName, message: string, more: Record<string, unknown>, error?: unknown): void {
    const { runId, epoch, functionId } = this.#about;
    this.#services.metrics.count(name, {
      message,
      app: appOfRun(runId),
      functionId,
      about: { runId, turn: epoch, ...more },
      ...(error === undefined ? {} : { error }),
    });
  }
}

function retryAt(entry: LogEntry): { retryAt?: string } {
  return "retryAtMs" in entry ? { retryAt: new Date(entry.retryAtMs).toISOString() } : {};
}
