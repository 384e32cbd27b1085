/**
 * Owns: the embedded model of SQS standard queues: one table of operations, and what the owner of the clock needs to play
 * long polling (when a queue has something, and who wants to know).
 * Must not: wait, read a clock, or guess: FIFO queues, policies, encryption and message moves are not modelled.
 */
import { NotModelledError, type CallContext, type Input, type Output, type ServiceModel } from "../model.js";
import {
  changeMessageVisibility,
  changeMessageVisibilityBatch,
  deleteMessage,
  deleteMessageBatch,
} from "./acknowledge.js";
import { fairBehaviour, type SqsBehaviour } from "./behaviour.js";
import {
  createQueue,
  deleteQueue,
  getQueueAttributes,
  getQueueUrl,
  listQueues,
  purgeQueue,
  setQueueAttributes,
} from "./queue-operations.js";
import { receiveMessage } from "./receive.js";
import { sendMessage, sendMessageBatch } from "./send.js";
import { restoreSqs, sqsSnapshot } from "./sqs-snapshot.js";
import { queueByUrl, queueUrlOf, type SqsState } from "./sqs-state.js";

export interface SqsModelOptions {
  /** What queue URLs begin with. */
  endpoint?: string;
  behaviour?: Partial<SqsBehaviour>;
}

type Operation = (state: SqsState, input: Input, context: CallContext) => Output;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["CreateQueue", createQueue],
  ["GetQueueUrl", getQueueUrl],
  ["ListQueues", listQueues],
  ["GetQueueAttributes", getQueueAttributes],
  ["SetQueueAttributes", setQueueAttributes],
  ["PurgeQueue", purgeQueue],
  ["DeleteQueue", deleteQueue],
  ["SendMessage", sendMessage],
  ["SendMessageBatch", sendMessageBatch],
  ["ReceiveMessage", receiveMessage],
  ["DeleteMessage", deleteMessage],
  ["DeleteMessageBatch", deleteMessageBatch],
  ["ChangeMessageVisibility", changeMessageVisibility],
  ["ChangeMessageVisibilityBatch", changeMessageVisibilityBatch],
]);

/** Operations that meter themselves, by payload. The others are one request each. */
const METERED: ReadonlySet<string> = new Set([
  "SendMessage",
  "SendMessageBatch",
  "ReceiveMessage",
  "DeleteMessage",
  "DeleteMessageBatch",
  "ChangeMessageVisibility",
  "ChangeMessageVisibilityBatch",
]);

export class SqsModel implements ServiceModel {
  readonly service = "sqs";
  /** Receives and visibility changes are not here: after a restart what was in flight is visible again, as SQS may do. */
  readonly logged: ReadonlySet<string> = new Set([
    "CreateQueue",
    "SetQueueAttributes",
    "PurgeQueue",
    "DeleteQueue",
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
  ]);
  /** May be changed at any time; takes effect with the next call. */
  readonly behaviour: SqsBehaviour;
  readonly #state: SqsState;
  readonly #listeners = new Set<(queueUrl: string) => void>();

  constructor(options: SqsModelOptions = {}) {
    this.behaviour = { ...fairBehaviour(), ...options.behaviour };
    this.#state = {
      endpoint: options.endpoint ?? "http://sqs.us-east-1.localhost",
      behaviour: this.behaviour,
      queues: new Map(),
      deletedAtMs: new Map(),
      touched: new Set(),
      nextSequence: 0,
    };
  }

  execute(operation: string, input: Input, context: CallContext): Output {
    const apply = OPERATIONS.get(operation);
    if (apply === undefined)
      throw new NotModelledError(`Cannot answer sqs ${operation}: the operation is not modelled`);
    try {
      const output = apply(this.#state, input, context);
      if (!METERED.has(operation)) context.meter({ sqsRequests: 1 });
      return output;
    } finally {
      this.#announce();
    }
  }

  /** The earliest time at which a receive from the queue may find a message; in the past: now. Null: not without a send. */
  nextVisibleAtMs(queueUrl: string): number | null {
    return queueByUrl(this.#state, queueUrl).nextVisibleAtMs();
  }

  /** Calls back at the end of each call that added a message to a queue or made one visible earlier. Returns the way out. */
  onSend(listener: (queueUrl: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  snapshot(): unknown {
    return sqsSnapshot(this.#state);
  }

  restore(snapshot: unknown): void {
    restoreSqs(this.#state, snapshot);
    for (const queue of this.#state.queues.values()) if (queue.size > 0) this.#state.touched.add(queue.name);
    this.#announce();
  }

  #announce(): void {
    if (this.#state.touched.size === 0) return;
    const urls = [...this.#state.touched].map((name) => queueUrlOf(this.#state, name));
    this.#state.touched.clear();
    for (const url of urls) for (const listener of this.#listeners) listener(url);
  }
}
