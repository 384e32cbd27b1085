/**
 * Owns: one queue: its messages and when each can be received.
 * Must not: read a clock or draw a number; validate input; know other queues.
 * Invariants:
 *   I1  A message is in exactly one phase, and the counts add up to the number of messages.
 *   I2  Every message has one current slot, in `ready` when it is visible and in `waiting` when it is delayed or in flight,
 *       except between `takeReceivable` and the `place` or `remove` that must follow it.
 */
import { DueHeap, type Due } from "../due/due-heap.js";
import type { MessageAttribute } from "./message-attributes.js";
import type { QueueAttributes } from "./queue-attributes.js";

export type Phase = "visible" | "delayed" | "inFlight";

/** What a sender gave. */
export interface MessageContent {
  id: string;
  body: string;
  bodyMd5: string;
  attributes: readonly MessageAttribute[];
  traceHeader: string | null;
  groupId: string | null;
  /** Body and attributes, as limits and bills count them. */
  sizeBytes: number;
  sentAtMs: number;
}

export interface Message extends MessageContent {
  /** Unique in its queue: the id, or a longer name for a copy delivered by an adversary. */
  key: string;
  /** Order of arrival, to break ties. */
  sequence: number;
  phase: Phase;
  visibleAtMs: number;
  receiveCount: number;
  firstReceivedAtMs: number | null;
  receivedAtMs: number | null;
  /** The latest receive; null while none is known (never received, or received before the model was restored). */
  receipt: string | null;
  deadLetterSourceArn: string | null;
}

interface Slot extends Due {
  readonly message: Message;
  readonly stamp: number;
}

/** Where a message is to be, and from when it can be received. */
export interface Placement {
  visibleAtMs: number;
  /** What it is until then. */
  until: "delayed" | "inFlight";
}

export class Queue {
  readonly name: string;
  readonly createdAtMs: number;
  modifiedAtMs: number;
  purgedAtMs: number | null = null;
  attributes: QueueAttributes;
  readonly #messages = new Map<string, Message>();
  /** Slots of a message with another stamp are outdated. */
  readonly #stamps = new Map<Message, number>();
  readonly #ready: DueHeap<Slot>;
  readonly #waiting: DueHeap<Slot>;
  readonly #counts: Record<Phase, number> = { visible: 0, delayed: 0, inFlight: 0 };
  #nextStamp = 0;

  constructor(name: string, attributes: QueueAttributes, nowMs: number) {
    this.name = name;
    this.attributes = attributes;
    this.createdAtMs = nowMs;
    this.modifiedAtMs = nowMs;
    const isCurrent = (slot: Slot): boolean => this.#stamps.get(slot.message) === slot.stamp;
    this.#ready = new DueHeap(isCurrent);
    this.#waiting = new DueHeap(isCurrent);
  }

  get size(): number {
    return this.#messages.size;
  }

  messages(): IterableIterator<Message> {
    return this.#messages.values();
  }

  get(key: string): Message | undefined {
    return this.#messages.get(key);
  }

  count(phase: Phase, nowMs: number): number {
    this.#settle(nowMs);
    return this.#counts[phase];
  }

  /** Adds a message, or moves one that is here. */
  place(message: Message, placement: Placement, nowMs: number): void {
    if (this.#messages.get(message.key) === message) this.#counts[message.phase] -= 1;
    else this.#messages.set(message.key, message);
    message.visibleAtMs = placement.visibleAtMs;
    message.phase = placement.visibleAtMs <= nowMs ? "visible" : placement.until;
    this.#counts[message.phase] += 1;
    const slot = this.#slot(message);
    const heap = message.phase === "visible" ? this.#ready : this.#waiting;
    heap.add(slot, this.#messages.size);
  }

  remove(message: Message): void {
    if (this.#messages.get(message.key) !== message) return;
    this.#messages.delete(message.key);
    this.#stamps.delete(message);
    this.#counts[message.phase] -= 1;
  }

  /** The next message that can be received now. The caller must place or remove it. Messages past retention are dropped. */
  takeReceivable(nowMs: number): Message | undefined {
    this.#settle(nowMs);
    for (;;) {
      const slot = this.#ready.takeDue(nowMs);
      if (slot === undefined) return undefined;
      if (!this.#isExpired(slot.message, nowMs)) return slot.message;
      this.remove(slot.message);
    }
  }

  /** The earliest time at which a receive may find something; a time in the past means now. */
  nextVisibleAtMs(): number | null {
    const readyAtMs = this.#ready.peek()?.atMs ?? Number.POSITIVE_INFINITY;
    const waitingAtMs = this.#waiting.peek()?.atMs ?? Number.POSITIVE_INFINITY;
    const nextAtMs = Math.min(readyAtMs, waitingAtMs);
    return Number.isFinite(nextAtMs) ? nextAtMs : null;
  }

  /** Drops what is past retention wherever it is. Linear: used where somebody looks at the counts. */
  dropExpired(nowMs: number): void {
    for (const message of this.#messages.values()) if (this.#isExpired(message, nowMs)) this.remove(message);
  }

  clear(): void {
    this.#messages.clear();
    this.#stamps.clear();
    this.#ready.clear();
    this.#waiting.clear();
    this.#counts.visible = 0;
    this.#counts.delayed = 0;
    this.#counts.inFlight = 0;
  }

  #slot(message: Message): Slot {
    this.#nextStamp += 1;
    this.#stamps.set(message, this.#nextStamp);
    return { atMs: message.visibleAtMs, sequence: message.sequence, message, stamp: this.#nextStamp };
  }

  /** Messages whose delay or visibility timeout is over become visible. */
  #settle(nowMs: number): void {
    for (;;) {
      const slot = this.#waiting.takeDue(nowMs);
      if (slot === undefined) return;
      this.#counts[slot.message.phase] -= 1;
      slot.message.phase = "visible";
      this.#counts.visible += 1;
      this.#ready.add(slot, this.#messages.size);
    }
  }

  #isExpired(message: Message, nowMs: number): boolean {
    return nowMs >= message.sentAtMs + this.attributes.retentionSeconds * 1_000;
  }
}
