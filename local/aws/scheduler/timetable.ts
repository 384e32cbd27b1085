/**
 * Owns: all schedules and groups, and which fires next.
 * Must not: read requests. The operations do.
 * Invariant I1: a schedule with a `next` has exactly one current entry in the heap; without one it has none.
 */
import type { Random } from "../../../sdk/clock.js";
import { DueHeap, type Due } from "../due/due-heap.js";
import { firstTime } from "./expression.js";
import type { Schedule } from "./schedule.js";

export interface Group {
  name: string;
  createdAtMs: number;
  clientToken: string | null;
}

/** How far from its nominal time a delivery is, and whether it comes once. Both are Scheduler's right; off by default. */
export interface SchedulerBehaviour {
  /** Milliseconds after the nominal time; Scheduler promises less than 60,000. */
  lateness: (random: Random) => number;
  /** In [0, 1]: a delivery is made twice. */
  duplicateProbability: number;
}

interface Entry extends Due {
  readonly schedule: Schedule;
}

/** Names have no slash, so a key names one schedule. */
export function scheduleKey(groupName: string, name: string): string {
  return `${groupName}/${name}`;
}

export class Timetable {
  readonly groups = new Map<string, Group>();
  readonly behaviour: SchedulerBehaviour;
  nextSequence = 0;
  readonly #schedules = new Map<string, Schedule>();
  readonly #current = new Map<Schedule, Entry>();
  readonly #heap = new DueHeap<Entry>((entry) => this.#current.get(entry.schedule) === entry);
  /** Keys in order, made when a list is asked for. */
  #sortedKeys: string[] | undefined;

  constructor(behaviour: SchedulerBehaviour) {
    this.behaviour = behaviour;
  }

  get(groupName: string, name: string): Schedule | undefined {
    return this.#schedules.get(scheduleKey(groupName, name));
  }

  byKey(key: string): Schedule | undefined {
    return this.#schedules.get(key);
  }

  schedules(): IterableIterator<Schedule> {
    return this.#schedules.values();
  }

  sortedKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.#schedules.keys()].sort();
    return this.#sortedKeys;
  }

  /** Adds a schedule, or replaces the one of that name, and puts it where its `next` says. */
  put(schedule: Schedule): void {
    const key = scheduleKey(schedule.groupName, schedule.name);
    const previous = this.#schedules.get(key);
    if (previous === undefined) this.#sortedKeys = undefined;
    else this.#current.delete(previous);
    this.#schedules.set(key, schedule);
    this.#enter(schedule);
  }

  remove(schedule: Schedule): void {
    this.#schedules.delete(scheduleKey(schedule.groupName, schedule.name));
    this.#current.delete(schedule);
    this.#sortedKeys = undefined;
  }

  /** Sets the first firing of a schedule that was just defined. */
  start(schedule: Schedule, nowMs: number, random: Random): void {
    const isEnabled = schedule.definition.state === "ENABLED";
    const scheduledAtMs = isEnabled ? firstTime(schedule.timing, nowMs) : null;
    this.plan(schedule, scheduledAtMs, random);
  }

  plan(schedule: Schedule, scheduledAtMs: number | null, random: Random): void {
    schedule.next =
      scheduledAtMs === null
        ? null
        : { scheduledAtMs, dueAtMs: scheduledAtMs + Math.max(0, Math.floor(this.behaviour.lateness(random))) };
    this.#enter(schedule);
  }

  nextDueMs(): number | null {
    return this.#heap.peek()?.atMs ?? null;
  }

  takeDue(nowMs: number): Schedule | undefined {
    return this.#heap.takeDue(nowMs)?.schedule;
  }

  clear(): void {
    this.groups.clear();
    this.#schedules.clear();
    this.#current.clear();
    this.#heap.clear();
    this.#sortedKeys = undefined;
  }

  #enter(schedule: Schedule): void {
    this.#current.delete(schedule);
    if (schedule.next === null || this.get(schedule.groupName, schedule.name) !== schedule) return;
    const entry: Entry = { atMs: schedule.next.dueAtMs, sequence: schedule.sequence, schedule };
    this.#current.set(schedule, entry);
    this.#heap.add(entry, this.#schedules.size);
  }
}
