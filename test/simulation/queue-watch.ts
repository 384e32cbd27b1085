/** Owns: what became of messages: which were delivered again, after a delete, or from a dead-letter queue, and who sent them. */
import type { Item } from "../../runtime/state/attributes.js";
import type { Input, Output } from "../../local/aws/model.js";
import type { Marker } from "./markers.js";

export class QueueWatch {
  /** How many wakes of each run were delivered. */
  readonly wakes = new Map<string, number>();
  readonly #mark: (marker: Marker) => void;
  readonly #received = new Set<string>();
  readonly #deleted = new Set<string>();
  readonly #byHandle = new Map<string, string>();
  readonly #isQueued: (runId: string) => boolean;
  /** Messages of sweepers, and whether their run waited for a place when they were sent. */
  readonly #fromSweeper = new Map<string, boolean>();

  constructor(mark: (marker: Marker) => void, isQueued: (runId: string) => boolean) {
    this.#mark = mark;
    this.#isQueued = isQueued;
  }

  applied(operation: string, input: Input, output: Output): void {
    if (operation === "SendMessage") this.#sent(input["MessageBody"], output["MessageId"]);
    if (operation === "SendMessageBatch") {
      const bodies = new Map(records(input["Entries"]).map(({ Id, MessageBody }) => [Id, MessageBody]));
      for (const { Id, MessageId } of records(output["Successful"])) this.#sent(bodies.get(Id), MessageId);
    }
    if (operation === "ReceiveMessage") this.#receive(input, records(output["Messages"]));
    if (operation === "DeleteMessageBatch") {
      for (const { ReceiptHandle: handle } of records(input["Entries"])) {
        const messageId = this.#byHandle.get(String(handle));
        if (messageId !== undefined) this.#deleted.add(messageId);
      }
    }
  }

  /** Whether a claim was made by a message that a sweeper sent, and whether the run waited for a place then; null: neither. */
  sweepersWake(values: Item): { wasQueued: boolean } | null {
    for (const { S: text = "" } of Object.values(values)) {
      const wasQueued = this.#fromSweeper.get(text);
      if (wasQueued !== undefined) return { wasQueued };
    }
    return null;
  }

  #sent(body: unknown, messageId: unknown): void {
    const [, runId] = /^\{"v":1,"run":"([^"]+)".*"why":"sweep"/.exec(String(body)) ?? [];
    if (runId !== undefined) this.#fromSweeper.set(String(messageId), this.#isQueued(runId));
  }

  #receive(input: Input, messages: readonly Record<string, unknown>[]): void {
    for (const { MessageId, ReceiptHandle, Body } of messages) {
      const messageId = String(MessageId);
      if (this.#deleted.has(messageId)) this.#mark("delivered after delete");
      else if (this.#received.has(messageId)) this.#mark("delivered twice");
      this.#received.add(messageId);
      this.#byHandle.set(String(ReceiptHandle), messageId);
      if (String(input["QueueUrl"]).endsWith("-dead")) this.#mark("dead letter");
      const [, runId] = /^\{"v":1,"run":"([^"]+)"/.exec(String(Body)) ?? [];
      if (runId !== undefined) this.wakes.set(runId, (this.wakes.get(runId) ?? 0) + 1);
      if (String(Body).includes('"why":"slot"')) this.#mark("place handed on");
    }
  }
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((each): each is Record<string, unknown> => typeof each === "object") : [];
}
