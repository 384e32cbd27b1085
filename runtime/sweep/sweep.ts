/**
 * Owns: finding live runs whose wake is overdue, and ended ones whose effects are, and waking them. It repairs nothing
 * else. Candidates come from the due index, which lags; every decision re-reads the run (PROTOCOL §4, "Alive").
 * Safe to run twice, late, or not at all for a while.
 */
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { untilKnown } from "../aws/until-known.js";
import { appOfRun } from "../core/ids.js";
import { forEachLimited } from "../core/limited.js";
import { CLOCK_SKEW_MS, SWEEP_FIRST_MS, SWEEP_LONGEST_MS } from "../core/limits.js";
import { isLive, type RunHead } from "../core/run.js";
import { traceMember, tracedServices } from "../observe/trace.js";
import { sendWakes } from "../queue/send.js";
import { RegistryReader, type Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { number, text } from "../state/attributes.js";
import { DUE_SHARDS, dueShardName } from "../state/keys.js";
import { RunStore } from "../state/run-store.js";

/** Of one shard in one sweep: 32 shards × 200 each minute is 100 wakes a second; the rest is next minute's. */
const CANDIDATES_PER_SHARD = 200;
const PARALLEL_SHARDS = 8;

export interface SweepResult {
  candidates: number;
  woken: number;
}

export class Sweeper {
  readonly #services: Services;
  readonly #runs: RunStore;
  readonly #registry: RegistryReader;

  constructor(services: Services) {
    this.#services = services;
    this.#runs = new RunStore(services);
    this.#registry = new RegistryReader(services);
  }

  async sweep(): Promise<SweepResult> {
    const registry = await this.#registry.current();
    const result: SweepResult = { candidates: 0, woken: 0 };
    const shards = Array.from({ length: DUE_SHARDS }, (_, shard) => shard);
    await forEachLimited(shards, PARALLEL_SHARDS, async (shard) => {
      for (const runId of await this.#overdue(shard)) {
        result.candidates += 1;
        if (await this.#wake(runId, registry)) result.woken += 1;
      }
    });
    if (result.candidates > 0) this.#services.logger.info("Sweep found overdue runs", result);
    return result;
  }

  async #overdue(shard: number): Promise<string[]> {
    const answer = await untilKnown(this.#services, "read the due index", () =>
      this.#services.clients.dynamodb.send(
        new QueryCommand({
          TableName: this.#services.settings.tableName,
          IndexName: "byDue",
          KeyConditionExpression: "dueShard = :shard AND due <= :now",
          ExpressionAttributeValues: {
            ":shard": text(dueShardName(shard)),
            ":now": number(this.#services.clock.now()),
          },
          Limit: CANDIDATES_PER_SHARD,
        }),
      ),
    );
    return (answer.Items ?? []).flatMap((item) => item["pk"]?.S?.split("#")[2] ?? []);
  }

  #count({ runId, functionId, status, sweeps, trace }: RunHead): void {
    tracedServices(this.#services, trace).metrics.count("WakesSwept", {
      message: `Run "${runId}" is overdue: the sweeper wakes it`,
      app: appOfRun(runId),
      functionId,
      about: { runId, status, sweep: sweeps + 1 },
    });
  }

  async #wake(runId: string, registry: Registry): Promise<boolean> {
    const stored = await this.#runs.get(runId);
    const nowMs = this.#services.clock.now();
    if (!stored || !isOverdue(stored.head, nowMs)) return false;
    const { head } = stored;
    const app = registry.apps.get(appOfRun(runId));
    if (app) {
      const wake = { v: 1, run: runId, fn: head.functionId, why: "sweep", ...traceMember(head.trace) } as const;
      await sendWakes(this.#services, app.stepQueueUrl, [{ wake, delayMs: 0 }]);
      // One that waits for a place looks now and then whether it was forgotten: no wake has failed to come.
      if (head.places.queued === null) this.#count(head);
    }
    // Moved after the wake is sent: were it the other way round, a crash between would postpone a lost run.
    const againMs = Math.min(SWEEP_LONGEST_MS, SWEEP_FIRST_MS * 2 ** head.sweeps);
    await this.#runs.moveDue(runId, head.dueAtMs ?? 0, nowMs + againMs, head.sweeps + 1);
    return app !== undefined;
  }
}

function isOverdue(head: RunHead, nowMs: number): boolean {
  if (head.dueAtMs === null || head.dueAtMs > nowMs) return false;
  if (!isLive(head.status)) return head.effects.length > 0;
  return head.leaseUntilMs + CLOCK_SKEW_MS < nowMs;
}
