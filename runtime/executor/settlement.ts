/**
 * Owns: how a turn gives its run back: ended, parked, diverged or yielded (PROTOCOL §3). Whatever wakes the run next is there
 * before it is released; whatever follows its end is on record with the end.
 * Must not: run a pass, or write the log.
 */
import type { FunctionConfig, Json, LogEntry, SerializedError, StoredEvent } from "../../sdk/protocol.js";
import { PATIENT_ATTEMPTS } from "../aws/until-known.js";
import {
  QUEUED_FAR_MS,
  QUEUED_NEAR,
  QUEUED_PART,
  SWEEP_FIRST_MS,
  SWEEP_LONGEST_MS,
  WAKE_GRACE_MS,
} from "../core/limits.js";
import { isLive, type Divergence, type RunHead } from "../core/run.js";
import { hashesOf } from "../flow/limits-of-run.js";
import type { TurnSlots } from "../flow/turn-slots.js";
import { traceMember } from "../observe/trace.js";
import type { WakeReason } from "../queue/messages.js";
import { isQuiet } from "../operations/quiet.js";
import { sendMessage } from "../queue/send.js";
import { isFinishListenedTo } from "../registry/listeners.js";
import type { Services } from "../services.js";
import { payloadObjectKey } from "../state/keys.js";
import { pack } from "../state/payloads.js";
import { RunStore, type HeadWrite, type Release, type RunEnd } from "../state/run-store.js";
import { armTimer, type Timer } from "../timers/timer.js";
import type { Deadline } from "./deadline.js";
import { effectsOf, performEffects, type End } from "./effects.js";
import type { Lease } from "./lease.js";
import { outstandingWaits, waitsLetGo } from "./let-go.js";
import { endedTtl, retainUntil } from "./retain.js";
import type { RunTimeouts } from "./run-timeouts.js";
import type { TurnNotes } from "./turn-notes.js";
import type { TurnResult } from "./turn.js";
import { planWake } from "./wake-plan.js";

type EndStatus = "Completed" | "Failed" | "Cancelled";

/** What a turn knows of its run. The turn writes it, its settlement reads it. */
export interface TurnState {
  head: RunHead;
  entries: LogEntry[];
  events: StoredEvent[];
  /** Log items that exist, over all epochs. */
  items: number;
  /** Payloads of the run kept in S3. */
  objects: number;
  /** Every step that could have been running when a worker was lost has had an outcome since. */
  crashAnswered: boolean;
}

export interface SettlementInput {
  lease: Lease;
  deadline: Pick<Deadline, "near">;
  config: FunctionConfig;
  stepQueueUrl: string;
  timeouts: RunTimeouts;
  notes: TurnNotes;
  slots: TurnSlots;
}

export class Settlement {
  readonly #services: Services;
  readonly #input: SettlementInput;
  readonly #state: TurnState;
  readonly #runs: RunStore;

  constructor(services: Services, input: SettlementInput, state: TurnState) {
    this.#services = services;
    this.#input = input;
    this.#state = state;
    this.#runs = new RunStore(services);
  }

  /** `error`: what it failed with, or why it is cancelled. */
  async end(status: EndStatus, output: Json, error: SerializedError | null): Promise<TurnResult> {
    const { lease } = this.#input;
    const nowMs = this.#services.clock.now();
    const objectKey = (): string => payloadObjectKey(`runs/${lease.runId}`, `output-${lease.epoch}`);
    const giveUp = (): boolean => !lease.held || this.#input.deadline.near;
    const patience = { giveUp, maxAttempts: PATIENT_ATTEMPTS };
    const packed =
      status === "Completed" ? await pack(this.#services, JSON.stringify(output), objectKey, patience) : null;
    const objects = this.#state.objects + (packed?.form === "object" ? 1 : 0);
    const effects = effectsOf({ ...this.#state.head, objects }, await this.#endOf(status, nowMs));
    const end = {
      status,
      endedAtMs: nowMs,
      output: packed,
      error: status === "Failed" ? error : null,
      reason: status === "Cancelled" ? error : null,
      ttlSeconds: endedTtl(this.#services, nowMs),
      effects,
      objects,
    };
    if (!lease.held) return "lost";
    const write = await this.#writeEnd(end);
    if (!write.done) return "lost";
    if (status === "Failed" && error) this.#input.notes.failure(error);
    const { head } = write.run;
    if (head.effects.length > 0) await performEffects(this.#services, head, { ...this.#input, isHolder: true });
    return "settled";
  }

  /** A wake that came since this turn last looked may tell a limited run of a place: then it leaves with the end. */
  async #writeEnd(end: RunEnd): Promise<HeadWrite> {
    const { lease } = this.#input;
    const patience = { giveUp: () => !lease.held };
    const isLimited = this.#state.head.slots.length > 0 && !end.effects.includes("slots");
    if (!isLimited) return this.#runs.end(lease.runId, lease.epoch, null, end, patience);
    const write = await this.#runs.end(lease.runId, lease.epoch, this.#wakesSeen, end, patience);
    const { head } = write.run ?? {};
    if (write.done || head?.epoch !== lease.epoch || !isLive(head.status)) return write;
    const effects = [...end.effects, "slots" as const];
    return this.#runs.end(lease.runId, lease.epoch, null, { ...end, effects }, patience);
  }

  /** Whether anybody listens to runs that complete is asked only where it decides: a parent is told in any case. */
  async #endOf(status: EndStatus, nowMs: number): Promise<End> {
    const isTold =
      this.#state.head.parent !== null || this.#state.events.some((event) => isQuiet(this.#state.head, event.name));
    const isListenedTo = !isTold && (status !== "Completed" || (await isFinishListenedTo(this.#services)));
    const waits = outstandingWaits(this.#state.entries);
    const hasBranches = [...waits, ...waitsLetGo(this.#state.entries)].some(({ op }) => op.kind === "branch");
    const holdsPlaces = this.#input.slots.holdsAny || (this.#state.head.slots.length > 0 && hasBranches);
    return { nowMs, waits: waits.length > 0, holdsPlaces, isListenedTo };
  }

  /** Arms the next wake, then gives the lease back. In this order: a run that is released must already be woken by something. */
  async park(nextMs: number | null, why: WakeReason): Promise<TurnResult | "again"> {
    const { lease, stepQueueUrl } = this.#input;
    const nowMs = this.#services.clock.now();
    const { timerMs, wakeMs } = planWake(this.#state.entries, this.#input.timeouts.earlier(nextMs), nowMs);
    const ttlSeconds = await retainUntil(this.#services, this.#state.head, wakeMs);
    const wake = this.#wake(why);
    const timer = timerMs === null ? null : await armTimer(this.#services, stepQueueUrl, { ...wake, dueMs: timerMs });
    // Should the run not park after all, its end removes what was armed.
    if (timer) this.#state.head = { ...this.#state.head, timer };
    if (!lease.held) return "lost";
    return this.#release(this.#releaseWith(wakeMs + WAKE_GRACE_MS, ttlSeconds, timer ?? this.#armedTimer(nowMs)));
  }

  /**
   * A limit is reached: the run rests in its queue until a place is given to it. Its due time is for a wake that is lost, and for
   * a limit that somebody left in bad order; the first in the queue look soon, and less often the longer they wait, for who waits
   * for days waits for somebody who has the place for days; the others seldom, however many they are.
   */
  async queue(): Promise<TurnResult | "again"> {
    const { lease, timeouts, slots } = this.#input;
    const nowMs = this.#services.clock.now();
    // Its time begins when its code does.
    const unbegun = this.#state.entries.length === 0;
    const lastMs = (unbegun ? timeouts.startAtMs : timeouts.finishAtMs) ?? Number.POSITIVE_INFINITY;
    const isNear = await slots.isNearFront(QUEUED_NEAR);
    const nearMs = Math.max(WAKE_GRACE_MS, Math.floor(slots.queuedForMs / QUEUED_PART));
    const dueAtMs = Math.min(lastMs, nowMs + (isNear ? Math.min(nearMs, QUEUED_FAR_MS) : QUEUED_FAR_MS));
    const ttlSeconds = await retainUntil(this.#services, this.#state.head, dueAtMs);
    if (!lease.held) return "lost";
    const release = { ...this.#releaseWith(dueAtMs, ttlSeconds, this.#armedTimer(nowMs)), unbegun };
    return this.#release(release);
  }

  /** Refused when something came while this turn was parking: it looks again before going. */
  async #release(release: Release): Promise<TurnResult | "again"> {
    const { lease } = this.#input;
    const write = await this.#runs.release(lease.runId, lease.epoch, this.#wakesSeen, release, {
      giveUp: () => !lease.held,
    });
    if (write.done) return "settled";
    if (write.run?.head.epoch !== lease.epoch) return "lost";
    lease.wakes = write.run.head.wakes;
    return "again";
  }

  /**
   * The code asks for a step as another kind than the log holds it, or this worker cannot read what it holds. The run rests:
   * it goes on once the code, the id or a key was changed back. It is looked at again after half of the time it has rested, a minute at least and half an hour at most.
   */
  async diverge(difference: Omit<Divergence, "sinceMs">, error: { message: string }): Promise<TurnResult> {
    const { lease } = this.#input;
    const nowMs = this.#services.clock.now();
    const sinceMs = this.#state.head.diverged?.sinceMs ?? nowMs;
    const restMs = Math.min(SWEEP_LONGEST_MS, Math.max(SWEEP_FIRST_MS, Math.floor((nowMs - sinceMs) / 2)));
    if (!this.#state.head.diverged) this.#input.notes.divergence(error);
    // It may rest for longer than its items are kept.
    const ttlSeconds = await retainUntil(this.#services, this.#state.head, nowMs + restMs);
    if (!lease.held) return "lost";
    const release = {
      ...this.#releaseWith(nowMs + restMs, ttlSeconds, this.#armedTimer(nowMs)),
      diverged: { ...difference, sinceMs },
    };
    const write = await this.#runs.yield(lease.runId, lease.epoch, release, { giveUp: () => !lease.held });
    return write.done ? "settled" : "lost";
  }

  /** Gives the lease back to a continuation, which is sent after the release: before, it would be absorbed. */
  async yield(): Promise<TurnResult> {
    const { lease, stepQueueUrl } = this.#input;
    const nowMs = this.#services.clock.now();
    const release = this.#releaseWith(nowMs + WAKE_GRACE_MS, this.#state.head.ttlSeconds, this.#state.head.timer);
    if (!lease.held) return "lost";
    const write = await this.#runs.yield(lease.runId, lease.epoch, release, { giveUp: () => !lease.held });
    if (!write.done) return "lost";
    // What came meanwhile may tell of a place: the continuation looks at all it may have.
    const [slot] = write.run.head.wakes === this.#wakesSeen ? [] : hashesOf(this.#state.head);
    const given = slot === undefined ? {} : { slot };
    await sendMessage(this.#services, stepQueueUrl, { v: 1, ...this.#wake("continue"), ...given });
    return "settled";
  }

  /** The count of wakes whose reasons this turn has looked at, what it may have been given of its limits included. */
  get #wakesSeen(): number {
    return this.#input.slots.wakesSeen ?? this.#input.lease.wakes;
  }

  #wake<Why extends WakeReason>(why: Why): { run: string; fn: string; why: Why; trace?: string } {
    return { run: this.#state.head.runId, fn: this.#input.config.id, why, ...traceMember(this.#state.head.trace) };
  }

  /** A schedule armed for a later time stays on the head: an end before it fires removes it. */
  #armedTimer(nowMs: number): Timer | null {
    const { timer } = this.#state.head;
    return timer && timer.atMs > nowMs ? timer : null;
  }

  #releaseWith(dueAtMs: number, ttlSeconds: number, timer: Timer | null): Release {
    const crashes = this.#state.crashAnswered ? 0 : this.#state.head.crashes;
    const { items: logged, objects } = this.#state;
    return { logged, crashes, objects, dueAtMs, ttlSeconds, timer, places: this.#input.slots.places };
  }
}
