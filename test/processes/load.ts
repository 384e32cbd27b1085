/**
 * Owns: what is asked of the platform while it is struck: events of every kind, one after the other, and what some of them
 * need afterwards: an answer, a signal, a cancel.
 * Must not: judge what comes of it.
 */
import { sleep, type Clock, type Random } from "../../sdk/clock.js";
import type { Client } from "./client.js";
import { KINDS, type Kind, type Sent } from "./evidence.js";

const GAP_MS = { least: 700, most: 1_700 };
const PAUSE_MS = { least: 800, most: 4_000 };
const POLL_MS = 1_500;
/** What is sent, over and over. What must not run twice comes twice as often. */
const ROUND: readonly Kind[] = [...KINDS, "once"];
/** How often somebody repeats a request who means to be answered: until the client is told to give up. */
const STUBBORN = Infinity;
/** The share of senders who ask once and go away. */
const IMPATIENT = 0.15;
/** A run of these that nobody looks after would wait for half an hour. */
const LOOKED_AFTER: readonly Kind[] = ["answered", "signalled", "endless"];

export class Load {
  readonly sent: Sent[] = [];
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #random: Random;
  /** What is still under way, by name. */
  readonly pending = new Map<string, Promise<void>>();
  #isOver = false;

  constructor(client: Client, clock: Clock, random: Random) {
    this.#client = client;
    this.#clock = clock;
    this.#random = random;
  }

  async run(lengthMs: number): Promise<void> {
    const endMs = this.#clock.monotonic() + lengthMs;
    for (let n = 1; this.#clock.monotonic() < endMs; n += 1) {
      const kind = ROUND[(n - 1) % ROUND.length] ?? "chain";
      this.#begin(n, kind);
      await sleep(this.#clock, this.#between(GAP_MS));
    }
  }

  /** Whoever still waits for something goes away. */
  giveUp(): void {
    this.#isOver = true;
    this.#client.giveUp();
  }

  #between({ least, most }: { least: number; most: number }): number {
    return Math.round(least + this.#random.unit() * (most - least));
  }

  #begin(n: number, kind: Kind): void {
    // Whatever is to run at most once runs long, so that it is struck.
    const pauseMs = this.#between(PAUSE_MS) * (kind === "once" ? 2 : 1);
    const isImpatient = this.#random.unit() < IMPATIENT && !LOOKED_AFTER.includes(kind);
    const laterMs = this.#between({ least: 0, most: pauseMs * 1.5 });
    const isAnswered = kind === "answered" || (kind === "brief" && this.#random.unit() < 0.6);
    const sent: Sent = {
      n,
      kind,
      pauseMs,
      eventId: null,
      runs: null,
      passedOn: [],
      answer: isAnswered ? n * 7 : null,
      signals: [],
      cancelledAtMs: null,
    };
    this.sent.push(sent);
    const name = `${kind} ${n}`;
    const task = this.#follow(sent, isImpatient ? 0 : STUBBORN, laterMs).finally(() => this.pending.delete(name));
    this.pending.set(name, task);
  }

  async #follow(sent: Sent, patience: number, laterMs: number): Promise<void> {
    const { n, kind, pauseMs } = sent;
    sent.eventId = await this.#client.sendEvent(`load/${kind}`, { n, pauseMs }, patience);
    if (sent.eventId === null) return;
    await sleep(this.#clock, laterMs);
    if (sent.answer !== null) await this.#client.sendEvent("load/answer", { n, value: sent.answer }, STUBBORN);
    if (kind === "signalled") await this.#signal(sent);
    if (kind === "endless") await this.#cancel(sent, sent.eventId, laterMs);
  }

  /** Until a run says that it received one. */
  async #signal(sent: Sent): Promise<void> {
    while (!this.#isOver) {
      const value = sent.n * 100 + sent.signals.length;
      const signal: Sent["signals"][number] = { value, told: "unknown" };
      sent.signals.push(signal);
      const runId = await this.#client.sendSignal(`go/${sent.n}`, value, STUBBORN);
      if (runId !== undefined) signal.told = runId === null ? "nobody" : "received";
      if (signal.told === "received") return;
      await sleep(this.#clock, POLL_MS);
    }
  }

  async #cancel(sent: Sent, eventId: string, laterMs: number): Promise<void> {
    while (!this.#isOver) {
      const [run] = (await this.#client.runsOfEvent(eventId)) ?? [];
      await sleep(this.#clock, POLL_MS);
      if (!run) continue;
      await sleep(this.#clock, laterMs);
      if (await this.#client.cancel(run.id, STUBBORN)) sent.cancelledAtMs = this.#clock.now();
      return;
    }
  }
}
