/**
 * Owns: telling of each run when it starts and how it ends, with its duration and counted cost. Looks at a run's head
 * whenever somebody wrote it, and says only what is new.
 * Must not: change a run, or cost it anything: its reads are made as OBSERVER, which no ledger attributes to a run.
 */
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import type { AwsClients } from "../../runtime/aws/clients.js";
import { isLive } from "../../runtime/core/run.js";
import type { RunHead } from "../../runtime/core/run.js";
import { readHead } from "../../runtime/state/head-item.js";
import { headKey } from "../../runtime/state/keys.js";
import type { Clock } from "../../sdk/clock.js";

/** The caller name under which the dev server itself uses AWS. */
export const OBSERVER = "perdure-dev";

export interface RunWatchOptions {
  dynamodb: AwsClients["dynamodb"];
  tableName: string;
  clock: Clock;
  /** A run was claimed for the first time since this server knows it; `resumed` when it had started before. */
  onStart(head: RunHead, resumed: boolean): void;
  onEnd(head: RunHead, resumed: boolean): void;
  onProblem(error: unknown): void;
}

/** After a run has ended its message is still to be deleted: the cost is told when that is counted too. */
const SETTLE_MS = 150;
/** Runs whose end was told: effects still touch their heads. The oldest is forgotten first. */
const MAX_TOLD = 10_000;

export class RunWatch {
  readonly #options: RunWatchOptions;
  readonly #startedAtMs: number;
  readonly #looking = new Set<string>();
  readonly #running = new Set<string>();
  readonly #ended = new Set<string>();

  constructor(options: RunWatchOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  /** Something was written to this run's head. Cheap to call for every write. */
  touch(runId: string): void {
    if (this.#looking.has(runId) || this.#ended.has(runId)) return;
    this.#looking.add(runId);
    this.#look(runId).catch((error: unknown) => {
      this.#looking.delete(runId);
      this.#options.onProblem(error);
    });
  }

  async #look(runId: string): Promise<void> {
    // A microtask later the write is done, and a second write of the same moment is seen with it.
    await Promise.resolve();
    this.#looking.delete(runId);
    const { pk, sk } = headKey(runId);
    const command = new GetItemCommand({ TableName: this.#options.tableName, Key: { pk: { S: pk }, sk: { S: sk } } });
    const { Item } = await this.#options.dynamodb.send(command);
    if (Item !== undefined) this.#tell(readHead(Item).head);
  }

  #tell(head: RunHead): void {
    const { runId } = head;
    if (this.#ended.has(runId)) return;
    const hasStarted = head.startedAtMs !== null || head.status === "Running";
    if (hasStarted && !this.#running.has(runId)) {
      this.#running.add(runId);
      this.#options.onStart(head, this.#isResumed(head));
    }
    if (isLive(head.status)) return;
    this.#running.delete(runId);
    this.#ended.add(runId);
    if (this.#ended.size > MAX_TOLD) for (const oldest of [...this.#ended].slice(0, 1)) this.#ended.delete(oldest);
    this.#options.clock.after(SETTLE_MS, () => this.#options.onEnd(head, this.#isResumed(head)));
  }

  /** It had started before this server did. */
  #isResumed(head: RunHead): boolean {
    return (head.startedAtMs ?? Infinity) < this.#startedAtMs;
  }
}
