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
  readonly #fromSweeper = new Set<string>();

  constructor(mark: (marker: Marker) => void) {
    this.#mark = mark;
  }

  applied(operation: string, input: Input, output: Output): void {
    if (operation === "ReceiveMessage") this.#receive(input, records(output["Messages"]));
    if (operation === "DeleteMessageBatch") {
      for (const { ReceiptHandle: handle } of records(input["Entries"])) {
        const messageId = this.#byHandle.get(String(handle));
        if (messageId !== undefined) this.#deleted.add(messageId);
      }
    }
  }

  /** Whether a claim was made by a message that a sweeper sent. */
  isSweepersWake(values: Item): boolean {
    return Object.values(values).some((value) => this.#fromSweeper.has(value.S ?? ""));
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
      if (String(Body).includes('"why":"sweep"')) this.#fromSweeper.add(messageId);
    }
  }
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((each): each is Record<string, unknown> => typeof each === "object") : [];
}
