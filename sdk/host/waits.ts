/**
 * Owns: what a function waits for: writing it down, having it armed, and showing what came or that the time is up.
 * Must not: run bodies, or know how anything is armed; the port does.
 *
 * Invariants
 * W1 What is waited for is in the log before it is armed, and armed before the pass may park: a released run waits for
 *    nothing that cannot reach it (ADR 0018).
 *    Nor does a body begin that was asked for beside it: what it asks of others may be answered at once (test/model, waits).
 * W2 The end of a wait may be shown ahead of the log only when it is the single thing outstanding: then there is nothing it
 *    could be ordered against (PROTOCOL §1). It is carried ahead of whatever is written next. What is outstanding is asked
 *    while the function rests: code that has just been shown a result may let go of this wait, or ask for more.
 */
import type { Arrival, LogEntry, PassPort, WaitingOp, WaitingStep } from "../protocol.js";
import type { StepResult } from "./history.js";
import type { Operation, Operations } from "./operations.js";
import type { PassLog } from "./pass-log.js";

interface Around {
  port: Pick<PassPort, "clock" | "inTurnWaitMs" | "arm" | "disarm" | "arrivalOf" | "expire">;
  operations: Operations;
  log: PassLog;
}

interface Listener {
  show(operation: Operation, result: StepResult): void;
  /** Something has changed that the pass should look at. */
  signal(): void;
}

export class Waits {
  readonly #around: Around;
  readonly #listener: Listener;
  /** Asked for and not yet written down. */
  #unwritten = 0;
  /** Written down and not yet armed. */
  #unarmed: WaitingStep[] = [];
  #arming = 0;
  /** Their time is up, and it is decided what counts. */
  #expired: { operation: Operation; arrival: Arrival }[] = [];
  #ended = false;
  #closed = false;

  constructor(around: Around, listener: Listener) {
    this.#around = around;
    this.#listener = listener;
  }

  /** A wait has ended since the pass began. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Everything that is waited for is armed. */
  get settled(): boolean {
    return this.#arming === 0 && this.#unarmed.length === 0 && this.#unwritten === 0;
  }

  /** From now on nothing is armed or shown. */
  close(): void {
    this.#closed = true;
  }

  /** Begins to wait, for what the log holds or, if it holds nothing, for what is asked for now. */
  begin(operation: Operation, asked: WaitingOp): void {
    const { operations, log, port } = this.#around;
    const recorded = operation.op;
    const op = recorded ?? asked;
    operation.op = op;
    operation.dueMs = untilMs(op);
    operations.move(operation, "waiting");
    if (recorded) return;
    const nowMs = port.clock.now();
    const entry: LogEntry = { ...operation.name, k: "op", op, atMs: nowMs };
    // A sleep that will end inside this turn needs no write of its own; any other wait must survive from now on.
    if (op.kind === "sleep") {
      if (op.untilMs - nowMs <= port.inTurnWaitMs) log.carry(entry);
      else log.add(entry);
      return;
    }
    this.#unwritten += 1;
    log.add(entry, () => {
      this.#unwritten -= 1;
      this.#toArm(operation, op);
    });
  }

  /** Arms what has been written down, all of it together. */
  armWritten(): void {
    const { port, log } = this.#around;
    const steps = this.#unarmed;
    // What was written together is armed together: the last of it is noted when the write is done with.
    if (steps.length === 0 || log.appending) return;
    this.#unarmed = [];
    this.#arming += 1;
    void port.arm(steps).then(() => {
      this.#arming -= 1;
      this.#listener.signal();
    });
  }

  /** Shows what has come, and ends what is due. Bodies that were to be tried again may start. */
  wakeDue(): void {
    const { operations, port } = this.#around;
    const nowMs = port.clock.now();
    for (const operation of [...operations.waiting]) {
      const { op } = operation;
      if (op === null) {
        if (operation.dueMs <= nowMs) operations.move(operation, "requested");
        continue;
      }
      const arrival = op.kind === "sleep" ? null : port.arrivalOf(operation.name);
      if (arrival) this.#arrived(operation, arrival);
      else if (operation.dueMs > nowMs) continue;
      else if (op.kind === "sleep") this.#arrived(operation, null);
      else this.#expire(operation, op);
    }
  }

  /** Ends the waits whose time was up and whose end is decided by now. To be called while the function rests. False: there are none. */
  endExpired(): boolean {
    const expired = this.#expired.filter(({ operation }) => operation.state !== "resolved");
    this.#expired = [];
    for (const { operation, arrival } of expired) this.#arrived(operation, arrival);
    return expired.length > 0;
  }

  /**
   * The function no longer waits for this. Disarmed once the log says so, by whoever may write the log: a worker that has lost
   * its lease must not take away what its thief has armed again. What ends first is taken back with the run.
   */
  letGo(operation: Operation): void {
    const { op } = operation;
    if (op === null || op.kind === "sleep") return;
    const { log, port } = this.#around;
    log.carry({ ...operation.name, k: "gone", atMs: port.clock.now() }, () =>
      port.disarm([{ name: operation.name, op }]),
    );
  }

  #toArm(operation: Operation, op: WaitingOp): void {
    if (op.kind === "sleep" || operation.state === "resolved") return;
    this.#unarmed.push({ name: operation.name, op });
    this.#listener.signal();
  }

  /** The time is up. What counts is decided outside the pass: something may have arrived at the last moment. */
  #expire(operation: Operation, op: WaitingOp): void {
    const { operations, port } = this.#around;
    operations.move(operation, "running");
    void port.expire({ name: operation.name, op }).then((arrival) => {
      if (this.#closed) return;
      this.#expired.push({ operation, arrival });
      this.#listener.signal();
    });
  }

  /** `arrival` null: a sleep is over. */
  #arrived(operation: Operation, arrival: Arrival | null): void {
    const { operations, log, port } = this.#around;
    const seen: LogEntry = { ...operation.name, k: "seen", atMs: port.clock.now(), ...arrival };
    const result: StepResult = arrival === null ? { ok: null } : "err" in arrival ? arrival : { ok: arrival.ok };
    this.#ended = true;
    operations.forgetUnrequested();
    if (operations.unresolvedCount === 1 && log.idle) {
      log.carry(seen);
      this.#listener.show(operation, result);
      this.#listener.signal();
    } else {
      operations.move(operation, "running");
      log.add(seen, () => this.#listener.show(operation, result));
    }
  }
}

function untilMs(op: WaitingOp): number {
  return op.kind === "branch" ? Number.POSITIVE_INFINITY : op.untilMs;
}
