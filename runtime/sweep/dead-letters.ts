/**
 * Owns: messages that were received too often. A dead letter never ends a run by itself: a wake is sent anew, a message of
 * the events queue goes back after a while, and only what cannot be read, or keeps failing, is quarantined.
 */
import { appOfRun } from "../core/ids.js";
import { CLOCK_SKEW_MS } from "../core/limits.js";
import type { SQSBatchResponse, SQSRecord } from "../lambda/sqs.js";
import { tracedServices } from "../observe/trace.js";
import { encodeMessage, readDispatchMessage, readWake, type DispatchMessage } from "../queue/messages.js";
import { quarantine } from "../queue/quarantine.js";
import { sendMessage } from "../queue/send.js";
import { RegistryReader, type Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { RunStore } from "../state/run-store.js";

/** A queue's message has failed a dozen times when it comes here: something is down. It is given a minute. */
const PAUSE_MS = 60_000;
/** Twelve receives each time: after this many returns it is not the weather. */
const MAX_RETURNS = 20;

export class DeadLetters {
  readonly #services: Services;
  readonly #registry: RegistryReader;

  constructor(services: Services) {
    this.#services = services;
    this.#registry = new RegistryReader(services);
  }

  async handle(records: readonly SQSRecord[]): Promise<SQSBatchResponse> {
    const registry = await this.#registry.current();
    const batchItemFailures: SQSBatchResponse["batchItemFailures"] = [];
    for (const record of records) {
      try {
        await this.#handleRecord(record, registry);
      } catch (error) {
        this.#services.logger.error(`Cannot handle dead letter "${record.messageId}"; it comes again`, error);
        batchItemFailures.push({ itemIdentifier: record.messageId });
      }
    }
    return { batchItemFailures };
  }

  async #handleRecord(record: SQSRecord, registry: Registry): Promise<void> {
    const wake = readWake(record.body);
    if (!("unreadable" in wake)) {
      const app = registry.apps.get(appOfRun(wake.run));
      if (!app) return this.#quarantine(record, `app "${appOfRun(wake.run)}" is not registered`);
      await this.#requireNoLifeLine(record, wake.run);
      tracedServices(this.#services, wake.trace).metrics.count("DeadLetters", {
        message: `A wake of run "${wake.run}" was received too often; it is sent anew`,
        app: appOfRun(wake.run),
        functionId: wake.fn,
        about: { runId: wake.run, why: wake.why },
      });
      // As it was, with its own due time: a timer that were sent as a plain wake would be used up before it is due.
      return sendMessage(this.#services, app.stepQueueUrl, wake, PAUSE_MS);
    }
    const message = readDispatchMessage(record.body);
    if ("unreadable" in message) return this.#quarantine(record, message.unreadable);
    const returns = (message.returns ?? 0) + 1;
    if (returns > MAX_RETURNS) return this.#quarantine(record, `it has failed in ${returns} rounds`);
    return this.#sendBack({ ...message, returns });
  }

  /**
   * The message a turn was claimed with is the run's life line while its lease is valid: sent anew it would be absorbed and
   * gone, and the run with it, should that turn die. It stays a dead letter until the lease has ended.
   */
  async #requireNoLifeLine(record: SQSRecord, runId: string): Promise<void> {
    const run = await new RunStore(this.#services).get(runId);
    if (run?.head.claimMessageId !== record.messageId) return;
    if (run.head.leaseUntilMs + CLOCK_SKEW_MS < this.#services.clock.now()) return;
    throw new Error(`Cannot send the wake of run "${runId}" anew: a turn it began is under way`);
  }

  async #sendBack(message: DispatchMessage): Promise<void> {
    tracedServices(this.#services, message.trace).metrics.count("DeadLetters", {
      message: "A message of the events queue was received too often; it goes back",
      about: {
        kind: message.kind,
        returns: message.returns,
        bytes: Buffer.byteLength(encodeMessage(message)),
      },
    });
    await sendMessage(this.#services, this.#services.settings.eventsQueueUrl, message, PAUSE_MS);
  }

  #quarantine(record: SQSRecord, why: string): Promise<void> {
    const { messageId, body, eventSourceARN: queue } = record;
    return quarantine(this.#services, { messageId, body, queue, why });
  }
}
