/**
 * Owns: what the functions of a world tell of themselves, outside the platform and never struck by a fault: which bodies
 * began when and under which lease, what each pass was shown in which order, what it chose, slept and sent.
 * Must not: judge; checks.ts does.
 */
import { createHash } from "node:crypto";
import { sleep, type Clock } from "../../sdk/clock.js";
import { isLive, type RunHead } from "../../runtime/core/run.js";
import type { Peek } from "../crash/peek.js";
import type { Marker } from "./markers.js";
import type { FailureNews } from "./options/on-failure.js";

export type BodyKind = "plain" | "distributed" | "once";

export interface BodyStart {
  runId: string;
  /** The step's id and, for one used again, which time: as the log names it. */
  step: string;
  /** The place in the program. */
  site: string;
  atMs: number;
  /** `distributed`: in a Lambda of its own, under no lease. `once`: it may begin at most once, whatever happens. */
  kind: BodyKind;
  /** Throws this often before it returns. */
  failures: number;
  completedBefore: boolean;
  /** How the run stood in the table at that instant. */
  isLive: boolean;
  leaseUntilMs: number;
  epoch: number;
  /** Of the code. */
  version: number;
  /** When it returned or threw, and when it was told to stop; null: never. */
  endedAtMs: number | null;
  toldAtMs: number | null;
}

export interface PassRecord {
  runId: string;
  functionId: string;
  version: number;
  /** The mark of the event it was given. */
  canary: string;
  /** Of a failure handler: what it was told. */
  told: FailureNews | null;
  /** `site=value` in the order in which it was shown. */
  shown: string[];
  choices: Map<string, number>;
}

export interface SleepRecord {
  runId: string;
  site: string;
  askedAtMs: number;
  lengthMs: number;
  endedAtMs: number[];
}

export interface SendRecord {
  runId: string;
  site: string;
  functionId: string;
  count: number;
  ids: readonly string[];
}

export class Ledger {
  readonly bodies: BodyStart[] = [];
  readonly passes: PassRecord[] = [];
  readonly sleeps: SleepRecord[] = [];
  readonly sends: SendRecord[] = [];
  /** When an event or an invoke with a mark was first asked for by a run. */
  readonly asked = new Map<string, number>();
  readonly #clock: Clock;
  readonly #peek: () => Peek;
  readonly #note: (line: string) => void;
  readonly #counts = new Map<string, number>();

  constructor(clock: Clock, peek: () => Peek, note: (line: string) => void) {
    this.#clock = clock;
    this.#peek = peek;
    this.#note = note;
  }

  /** `signal`: of the step whose body asks. */
  pass(about: Omit<PassRecord, "shown" | "choices">, signal: () => AbortSignal): PassLedger {
    const record: PassRecord = { ...about, shown: [], choices: new Map() };
    this.passes.push(record);
    this.#note(`pass over ${about.runId} (${about.functionId}, version ${about.version})`);
    return new PassLedger(this, this.#clock, record, { note: this.#note, signal });
  }

  /** Counts, from 1. */
  count(what: string, runId: string, site: string): number {
    const key = `${what} ${runId} ${site}`;
    const counted = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, counted);
    return counted;
  }

  bodyBegins(
    start: Pick<BodyStart, "runId" | "site" | "failures" | "kind" | "version"> & { id: string; occurrence: number },
    signal: AbortSignal,
  ): BodyStart {
    const { runId, site, failures, kind, version, id, occurrence } = start;
    const peek = this.#peek();
    const head: RunHead | null = peek.head(runId);
    const completedBefore = peek
      .entries(runId)
      .some((entry) => entry.k === "done" && entry.id === id && entry.i === occurrence);
    const body: BodyStart = {
      ...{ runId, site, failures, kind, version, completedBefore },
      step: `${id}:${occurrence}`,
      atMs: this.#clock.now(),
      isLive: head !== null && isLive(head.status),
      leaseUntilMs: head?.leaseUntilMs ?? 0,
      epoch: head?.epoch ?? 0,
      ...{ endedAtMs: null, toldAtMs: null },
    };
    this.bodies.push(body);
    this.#note(`body ${site} of ${runId} begins`);
    signal.addEventListener("abort", () => (body.toldAtMs ??= this.#clock.now()), { once: true });
    return body;
  }

  /** Rare things that only the functions know of. */
  markers(): Marker[] {
    const versions = new Map<string, number>();
    const markers: Marker[] = [];
    if (this.bodies.some(({ kind }) => kind === "distributed")) markers.push("distributed body");
    for (const { runId, version, choices } of this.passes) {
      // Ids say what they are of: o1 may begin once, w1 waits for an event.
      for (const [place, choice] of choices) {
        if (place.startsWith("o") && choice === 0) markers.push("once interrupted");
        if (place.startsWith("w") && choice === 0) markers.push("wait missed");
      }
      if (choices.size > 0) markers.push("race decided");
      if ((versions.get(runId) ?? version) !== version) markers.push("went on in other code");
      versions.set(runId, version);
    }
    return markers;
  }

  /** An event, or an invoke, with this mark is about to be sent. */
  asks(canary: string): void {
    if (!this.asked.has(canary)) this.asked.set(canary, this.#clock.now());
  }

  sleepAsked(runId: string, site: string, lengthMs: number): SleepRecord {
    const known = this.sleeps.find((record) => record.runId === runId && record.site === site);
    if (known) return known;
    const record: SleepRecord = { runId, site, askedAtMs: this.#clock.now(), lengthMs, endedAtMs: [] };
    this.sleeps.push(record);
    return record;
  }
}

/** What operations speak to during one pass. */
export class PassLedger {
  readonly record: PassRecord;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #note: (line: string) => void;
  readonly #signal: () => AbortSignal;
  readonly #occurrences = new Map<string, number>();

  constructor(
    ledger: Ledger,
    clock: Clock,
    record: PassRecord,
    { note, signal }: { note: (line: string) => void; signal: () => AbortSignal },
  ) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.record = record;
    this.#note = note;
    this.#signal = signal;
  }

  get runId(): string {
    return this.record.runId;
  }

  /** Which time an id is used in this pass, 0 first: call it where the step is asked for, once for each asking. */
  occurrence(id: string): number {
    const occurrence = this.#occurrences.get(id) ?? 0;
    this.#occurrences.set(id, occurrence + 1);
    return occurrence;
  }

  /**
   * A step's body: it takes `ms`, throws its first `failures` times, and then does `work`. Each execution has a number of its
   * own in what it returns, so that a result replaced by another execution's does not go unseen.
   */
  body<T>(
    about: { id: string; occurrence: number; site: string; ms: number; failures: number; kind?: BodyKind },
    work: () => T,
  ): () => Promise<{ value: T; execution: number }> {
    return async () => {
      const { id, occurrence, site, ms, failures, kind = "plain" } = about;
      const { runId, version } = this.record;
      const start = { runId, id, occurrence, site, failures, kind, version };
      const begun = this.#ledger.bodyBegins(start, this.#signal());
      const execution = this.#ledger.count("body", this.runId, site);
      await sleep(this.#clock, ms);
      begun.endedAtMs = this.#clock.now();
      if (execution <= failures) throw new Error(`attempt ${execution} of ${site} fails`);
      return { value: work(), execution };
    };
  }

  /** True the first `times` times that any pass of this run comes by. */
  first(what: string, site: string, times: number): boolean {
    return this.#ledger.count(what, this.runId, site) <= times;
  }

  async slept(site: string, lengthMs: number, asked: () => Promise<unknown>): Promise<void> {
    const record = this.#ledger.sleepAsked(this.runId, site, lengthMs);
    await this.shown(site, asked());
    record.endedAtMs.push(this.#clock.now());
  }

  /** The mark of what this run is about to send from a place, the `index`-th of it. */
  mark(site: string, index: number): string {
    const canary = `${this.runId}:${site}:${index}`;
    this.#ledger.asks(canary);
    return canary;
  }

  sent(record: Omit<SendRecord, "runId">): void {
    this.#ledger.sends.push({ ...record, runId: this.runId });
  }

  /** Notes what time and chance decided at a place. */
  chose(id: string, path: string, choice: number): void {
    this.record.choices.set(`${id}${path}`, choice);
    this.#show(`${id}${path} chose ${choice}`);
  }

  /** Notes what a step's promise came to, then lets it through. */
  async shown<T>(site: string, promise: Promise<T>): Promise<T> {
    try {
      const value = await promise;
      const text = JSON.stringify(value) ?? "";
      this.#show(`${site}=${createHash("sha256").update(text).digest("hex").slice(0, 8)}`);
      return value;
    } catch (error) {
      this.#show(`${site}!${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  #show(what: string): void {
    this.record.shown.push(what);
    this.#note(`${this.runId} sees ${what}`);
  }
}
