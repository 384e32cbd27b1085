/**
 * Owns: the SQS model's state as plain JSON, and back.
 * Must not: keep receipts. Receives are not logged, so a restored model cannot know which receive was the latest; with the
 * receipt forgotten, the delete of whoever still holds the message is honoured.
 */
import { Queue, type Message } from "./queue.js";
import type { QueueAttributes } from "./queue-attributes.js";
import type { SqsState } from "./sqs-state.js";

interface QueueSnapshot {
  name: string;
  createdAtMs: number;
  modifiedAtMs: number;
  purgedAtMs: number | null;
  attributes: QueueAttributes;
  messages: Message[];
}

interface SqsSnapshot {
  queues: QueueSnapshot[];
  deletedAtMs: [string, number][];
  nextSequence: number;
}

export function sqsSnapshot(state: SqsState): SqsSnapshot {
  const queues = [...state.queues.values()].map((queue) => ({
    name: queue.name,
    createdAtMs: queue.createdAtMs,
    modifiedAtMs: queue.modifiedAtMs,
    purgedAtMs: queue.purgedAtMs,
    attributes: { ...queue.attributes },
    messages: [...queue.messages()].map((message) => ({ ...message, attributes: [...message.attributes] })),
  }));
  return { queues, deletedAtMs: [...state.deletedAtMs], nextSequence: state.nextSequence };
}

function restoredQueue(snapshot: QueueSnapshot): Queue {
  const queue = new Queue(snapshot.name, { ...snapshot.attributes }, snapshot.createdAtMs);
  queue.modifiedAtMs = snapshot.modifiedAtMs;
  queue.purgedAtMs = snapshot.purgedAtMs;
  for (const message of snapshot.messages) {
    // Placed at a time before all, so that what is waiting stays waiting until the next call says what time it is.
    const until = message.phase === "inFlight" ? "inFlight" : "delayed";
    queue.place({ ...message, receipt: null }, { visibleAtMs: message.visibleAtMs, until }, Number.NEGATIVE_INFINITY);
  }
  return queue;
}

export function restoreSqs(state: SqsState, data: unknown): void {
  // The owner hands back what `sqsSnapshot` gave; its form is checked by the durable log's version, not here.
  const snapshot = data as SqsSnapshot;
  state.queues.clear();
  state.deletedAtMs.clear();
  for (const queue of snapshot.queues) state.queues.set(queue.name, restoredQueue(queue));
  for (const [name, atMs] of snapshot.deletedAtMs) state.deletedAtMs.set(name, atMs);
  state.nextSequence = snapshot.nextSequence;
}
