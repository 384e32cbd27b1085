/**
 * Owns: what a function under test tells of itself: which bodies began when, what each pass was shown in which order, and
 * when sleeps began and ended. It looks into the table at the instant a body begins, without a call anyone could count.
 * Must not: judge; checks.ts does.
 */
import { createHash } from "node:crypto";
import { sleep, type Clock } from "../../sdk/clock.js";
import type { BodyStepId, StepTools } from "../../sdk/steps.js";
import type { Peek } from "./peek.js";
import type { Shift } from "./shifts.js";

export interface BodyStart extends Shift {
  /** The log held this step's final result when the body began: it was run again for nothing. */
  completedBefore: boolean;
}

/** What one pass of a function was shown: `step=value`, in order. */
export interface PassRecord {
  runId: string;
  shown: string[];
}

export interface SleepRecord {
  runId: string;
  step: string;
  /** When a pass first asked for it: it may end no earlier than its length from then. */
  askedAtMs: number;
  lengthMs: number;
  endedAtMs: number[];
}

export class Probe {
  readonly bodies: BodyStart[] = [];
  readonly passes: PassRecord[] = [];
  readonly sleeps: SleepRecord[] = [];
  readonly #clock: Clock;
  readonly #peek: () => Peek;

  constructor(clock: Clock, peek: () => Peek) {
    this.#clock = clock;
    this.#peek = peek;
  }

  /** Opens the record of one pass. */
  pass(runId: string): PassProbe {
    const record: PassRecord = { runId, shown: [] };
    this.passes.push(record);
    return new PassProbe(this, this.#clock, record);
  }

  /** How many bodies of a step have begun, in one run or in all. */
  begun(step: string, runId?: string): number {
    return this.bodies.filter((body) => body.step === step && (runId === undefined || body.runId === runId)).length;
  }

  /** Answers how many bodies have begun so far. */
  bodyBegins(runId: string, step: string, ms: number, isAgain = false): number {
    const peek = this.#peek();
    const completedBefore = !isAgain && peek.completed(runId, step);
    const atMs = this.#clock.now();
    const epoch = peek.head(runId)?.epoch ?? 0;
    return this.bodies.push({ runId, step, atMs, untilMs: atMs + ms, epoch, completedBefore });
  }

  sleepBegins(runId: string, step: string, lengthMs: number): SleepRecord {
    const known = this.sleeps.find((record) => record.runId === runId && record.step === step);
    if (known) return known;
    const record: SleepRecord = { runId, step, askedAtMs: this.#clock.now(), lengthMs, endedAtMs: [] };
    this.sleeps.push(record);
    return record;
  }
}

/** What the functions of programs.ts speak to during one pass. */
export class PassProbe {
  readonly #probe: Probe;
  readonly #clock: Clock;
  readonly #record: PassRecord;

  constructor(probe: Probe, clock: Clock, record: PassRecord) {
    this.#probe = probe;
    this.#clock = clock;
    this.#record = record;
  }

  /**
   * A step whose body takes `ms` and then returns, or throws, what `work` does. Each execution of a body has a number of its
   * own in what it returns, so that a result which is shown and later replaced by another execution's does not go unseen.
   */
  async run(step: StepTools, stepId: BodyStepId, ms: number, work: () => string): Promise<string> {
    const id = typeof stepId === "string" ? stepId : stepId.id;
    const body = async (): Promise<{ value: string; execution: number }> => {
      const execution = this.#probe.bodyBegins(this.#record.runId, id, ms);
      await sleep(this.#clock, ms);
      return { value: work(), execution };
    };
    return (await this.shown(id, step.run(stepId, body))).value;
  }

  /** A step whose id was used before in this run: that it once had a result says nothing about this occurrence. */
  async again(step: StepTools, id: string, ms: number, work: () => string): Promise<string> {
    const body = async (): Promise<string> => {
      this.#probe.bodyBegins(this.#record.runId, id, ms, true);
      await sleep(this.#clock, ms);
      return work();
    };
    return this.shown(id, step.run(id, body));
  }

  async sleep(step: StepTools, id: string, lengthMs: number): Promise<void> {
    const record = this.#probe.sleepBegins(this.#record.runId, id, lengthMs);
    await this.shown(id, step.sleep(id, lengthMs));
    record.endedAtMs.push(this.#clock.now());
  }

  /** Notes what a step's promise came to, then lets it through. */
  async shown<T>(step: string, promise: Promise<T>): Promise<T> {
    try {
      const value = await promise;
      const digest = createHash("sha256")
        .update(JSON.stringify(value) ?? "")
        .digest("hex")
        .slice(0, 8);
      this.#record.shown.push(`${step}=${digest}`);
      return value;
    } catch (error) {
      this.#record.shown.push(`${step}!${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }
}
