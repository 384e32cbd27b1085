/**
 * Owns: the embedded model of EventBridge Scheduler: one table of operations, and when something is due.
 * `FireDue` is the model's own operation: it stands for the passing of time, and goes through `execute` like any call so that
 * the durable log can repeat it.
 * Must not: read a clock or deliver. Flexible windows, tags, KMS keys and other targets are not modelled.
 */
import { NotModelledError, type CallContext, type Input, type Output, type ServiceModel } from "../model.js";
import { fireDue, type Delivery } from "./firing.js";
import { addDefaultGroup, createScheduleGroup, deleteScheduleGroup, getScheduleGroup } from "./group-operations.js";
import { timingOf, type Schedule } from "./schedule.js";
import { createSchedule, deleteSchedule, getSchedule, listSchedules, updateSchedule } from "./schedule-operations.js";
import { Timetable, type Group, type SchedulerBehaviour } from "./timetable.js";

export type { Delivery } from "./firing.js";
export type { SchedulerBehaviour } from "./timetable.js";

export type SchedulerModelOptions = Partial<SchedulerBehaviour>;

type Operation = (timetable: Timetable, input: Input, context: CallContext) => Output;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["CreateSchedule", createSchedule],
  ["UpdateSchedule", updateSchedule],
  ["GetSchedule", getSchedule],
  ["DeleteSchedule", deleteSchedule],
  ["ListSchedules", listSchedules],
  ["CreateScheduleGroup", createScheduleGroup],
  ["GetScheduleGroup", getScheduleGroup],
  ["DeleteScheduleGroup", deleteScheduleGroup],
  ["FireDue", (timetable, _input, context) => ({ Deliveries: fireDue(timetable, context) })],
]);

/** A schedule without what can be read from its definition again. */
type StoredSchedule = Omit<Schedule, "timing"> & { anchorMs: number };

interface SchedulerSnapshot {
  groups: Group[];
  schedules: StoredSchedule[];
  nextSequence: number;
}

export class SchedulerModel implements ServiceModel {
  readonly service = "scheduler";
  readonly logged: ReadonlySet<string> = new Set([
    "CreateSchedule",
    "UpdateSchedule",
    "DeleteSchedule",
    "CreateScheduleGroup",
    "DeleteScheduleGroup",
    "FireDue",
  ]);
  /** May be changed at any time; lateness takes effect when a schedule's next firing is planned. */
  readonly behaviour: SchedulerBehaviour;
  readonly #timetable: Timetable;

  constructor(options: SchedulerModelOptions = {}) {
    this.behaviour = { lateness: () => 0, duplicateProbability: 0, ...options };
    this.#timetable = new Timetable(this.behaviour);
    addDefaultGroup(this.#timetable);
  }

  execute(operation: string, input: Input, context: CallContext): Output {
    const apply = OPERATIONS.get(operation);
    if (apply !== undefined) return apply(this.#timetable, input, context);
    throw new NotModelledError(`Cannot answer scheduler ${operation}: the operation is not modelled`);
  }

  /** When `fireDue` next has something to deliver; in the past: now. Null: no schedule will fire. */
  nextFireAtMs(): number | null {
    return this.#timetable.nextDueMs();
  }

  /** The same as `execute("FireDue", {}, context).Deliveries`. Who keeps a log must use `execute`. */
  fireDue(context: CallContext): Delivery[] {
    return fireDue(this.#timetable, context);
  }

  snapshot(): unknown {
    const schedules = [...this.#timetable.schedules()].map(({ timing, ...schedule }) => ({
      ...structuredClone(schedule),
      anchorMs: timing.anchorMs,
    }));
    const groups = [...this.#timetable.groups.values()].map((group) => ({ ...group }));
    return { groups, schedules, nextSequence: this.#timetable.nextSequence } satisfies SchedulerSnapshot;
  }

  restore(snapshot: unknown): void {
    // The owner hands back what `snapshot` gave; its form is checked by the durable log's version, not here.
    const { groups, schedules, nextSequence } = snapshot as SchedulerSnapshot;
    this.#timetable.clear();
    for (const group of groups) this.#timetable.groups.set(group.name, { ...group });
    for (const { anchorMs, ...schedule } of schedules) {
      const { definition } = schedule;
      this.#timetable.put({ ...structuredClone(schedule), timing: timingOf(definition, anchorMs) });
    }
    this.#timetable.nextSequence = nextSequence;
  }
}
