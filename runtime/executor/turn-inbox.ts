/**
 * Owns: the inbox of a run while its turn is under way: what has arrived for which operation, and the end of waits whose time
 * is up.
 * Invariant I1: an answer given once for an operation stays: it is the item in the inbox, which only its first writer writes.
 */
import { drainMicrotasks } from "../../sdk/clock.js";
import { stepHash } from "../core/ids.js";
import type { Arrival, LogEntry, StepName, WaitingStep } from "../../sdk/protocol.js";
import { timeoutOf } from "../operations/arm.js";
import type { OperationContext } from "../operations/operation.js";
import type { Services } from "../services.js";
import { InboxStore, type StoredArrival } from "../state/inbox-store.js";
import { LogStore } from "../state/log-store.js";
import type { Lease } from "./lease.js";

export class TurnInbox {
  readonly #services: Services;
  readonly #lease: Lease;
  readonly #store: InboxStore;
  readonly #arrivals = new Map<string, Arrival>();
  readonly #hashes = new Map<string, string>();
  readonly #seen = new Set<string>();
  /** The pass that is under way. */
  #listener: (() => void) | null = null;

  constructor(services: Services, lease: Lease) {
    this.#services = services;
    this.#lease = lease;
    this.#store = new InboxStore(services);
  }

  /** Takes in what a load has found. What the log says the function has seen is not opened again. */
  async take(stored: ReadonlyMap<string, StoredArrival>, entries: readonly LogEntry[]): Promise<void> {
    if (stored.size === 0) return;
    for (const entry of entries) if (entry.k === "seen" || entry.k === "gone") this.#seen.add(this.#hashOf(entry));
    const fresh = [...stored].filter(([hash]) => !this.#seen.has(hash) && !this.#arrivals.has(hash));
    await Promise.all(fresh.map(async ([hash, arrival]) => this.#arrivals.set(hash, await this.#store.open(arrival))));
  }

  arrivalOf(name: StepName): Arrival | null {
    return this.#arrivals.size === 0 ? null : (this.#arrivals.get(this.#hashOf(name)) ?? null);
  }

  onArrival(listener: () => void): void {
    this.#listener = listener;
  }

  /** The pass has ended: what comes from now on is for the next one. */
  deafen(): void {
    this.#listener = null;
  }

  /**
   * The head has counted `wakes`: looks what came. The count is taken over after the look, so that nothing between is missed,
   * and only while a pass hears of it: one that has parked does not, and then the release has to be refused.
   *
   *   pass:     … quiet ── parked ─────────── release IF wakes = w     (w as the pass knew it)
   *   arrival:              put ── wakes = w + 1 ── refresh
   */
  async refresh(wakes: number): Promise<void> {
    await this.look();
    // A pass that was just about to end has done so by then.
    await drainMicrotasks();
    if (this.#listener) this.#lease.wakes = Math.max(this.#lease.wakes, wakes);
  }

  /** Reads the inbox anew. */
  async look(): Promise<void> {
    await this.take(await new LogStore(this.#services).arrivals(this.#lease.runId), []);
    this.#listener?.();
  }

  /** The time of a wait is up: what counts is what stands in the inbox after its end has been put there. */
  async expire(context: OperationContext, step: WaitingStep): Promise<Arrival> {
    const hash = this.#hashOf(step.name);
    const timeout = await timeoutOf(context, step);
    const { standing } = await this.#store.put(this.#lease.runId, hash, timeout, context.ttlSeconds, {
      giveUp: () => !this.#lease.held,
    });
    const arrival = await this.#store.open(standing);
    this.#arrivals.set(hash, arrival);
    return arrival;
  }

  #hashOf({ id, i }: StepName): string {
    const key = `${i}:${id}`;
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = stepHash(id, i);
    this.#hashes.set(key, hash);
    return hash;
  }
}
