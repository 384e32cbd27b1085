/**
 * Owns: the embedded AWS as one thing: the four models, and what is around every call: fault switch, model, durable log,
 * ledger, fault switch, answer. Long polls, schedules that fire and items that expire wait on the clock here.
 * Must not: know a service's rules, or a protocol. The faces (in-process.ts, wire/) translate.
 *
 * I1 A call's effect happens synchronously inside `call`; only the answer is asynchronous. One process, no interleaving.
 * I2 What a logged call changed is in the durable log before anyone hears of it.
 * I3 A dead sandbox's calls have no effect and never settle: a killed process runs no `catch` and no `finally`.
 */
import type { Message } from "@aws-sdk/client-sqs";
import type { Random } from "../../sdk/clock.js";
import type { AwsCall, Caller } from "./call.js";
import { DynamoDbModel } from "./dynamodb/dynamodb-model.js";
import type { DurableLog, LogRecord } from "./durable-log.js";
import { ConnectionLostError, Faults, throttlingError, type Fault } from "./faults.js";
import type { AuthorizedCall } from "./iam/access-request.js";
import { LambdaService, type FunctionInvoker } from "./lambda-service.js";
import { addUnits, Ledger } from "./ledger.js";
import { AwsServiceError, type CallContext, type Input, type Output, type ServiceModel } from "./model.js";
import type { ServiceName, Units } from "./model.js";
import { QueueWatch } from "./queue-watch.js";
import { S3Model } from "./s3/s3-model.js";
import {
  authorizationOf,
  deadLetterOf,
  messageOf,
  ScheduleDelivery,
  type LambdaListener,
} from "./schedule-delivery.js";
import { SchedulerModel, type Delivery } from "./scheduler/scheduler-model.js";
import { SecretsModel } from "./secrets/secrets-model.js";
import { never, SandboxStates } from "./sandbox-states.js";
import { seededRandom, seedOf } from "./seeded-random.js";
import { SqsModel } from "./sqs/sqs-model.js";
import { afterUnheld, type WorldClock } from "./world-clock.js";

export interface EmbeddedAwsOptions {
  clock: WorldClock;
  /** Seeds every call's own random source, once, at the beginning. */
  random: Random;
  /** Opened, not yet loaded. Without it, state lives as long as this object. */
  log?: DurableLog;
  /** Beginning of queue URLs; the wire face puts its own address there instead. */
  endpoint?: string;
  /** Asked before every call is applied; throws what AWS answers to a caller that may not. Without it everybody may. */
  authorize?(call: AuthorizedCall): void;
}

const DEFAULT_ENDPOINT = "http://sqs.us-east-1.localhost";
/** Real TTL deletes within days. Here: an hour after an item expires, and looking at most once a day for one far off. */
const EXPIRY_DELAY_MS = 3_600_000;
const MAX_EXPIRY_DELAY_MS = 24 * 3_600_000;
/** After a receive that came back empty although something was visible, or failed: how long a mapping's poller waits. */
const POLLER_PAUSE_MS = 200;
const RECEIVE_WAIT = "ReceiveMessageWaitTimeSeconds";
const EXPIRE_ITEMS = "ExpireItems";
const SERVICES: readonly ServiceName[] = ["dynamodb", "sqs", "scheduler", "s3", "secretsmanager"];
/** Whom the ledger and fault rules see when a schedule sends a message. */
const SCHEDULER: Caller = { name: "scheduler.amazonaws.com" };

export class EmbeddedAws {
  readonly dynamodb: DynamoDbModel;
  readonly sqs: SqsModel;
  readonly scheduler = new SchedulerModel();
  readonly s3 = new S3Model();
  readonly secrets = new SecretsModel();
  readonly #lambda = new LambdaService();
  readonly ledger = new Ledger();
  readonly faults = new Faults();
  readonly #models: Record<ServiceName, ServiceModel>;
  readonly #clock: WorldClock;
  readonly #log: DurableLog | undefined;
  readonly #authorize: (call: AuthorizedCall) => void;
  readonly #seedFamily: number;
  readonly #watch: QueueWatch;
  readonly #delivery: ScheduleDelivery;
  readonly #sandboxes: SandboxStates;
  #internalCalls = 0;
  #staleReads = false;
  #cancelExpiry: (() => void) | undefined;

  constructor(options: EmbeddedAwsOptions) {
    this.#clock = options.clock;
    this.#sandboxes = new SandboxStates(options.clock);
    this.#log = options.log;
    this.#authorize = (call) => options.authorize?.(call);
    this.#seedFamily = Math.floor(options.random.unit() * 2 ** 32);
    this.dynamodb = new DynamoDbModel({ staleIndexReads: () => this.#staleReads });
    this.sqs = new SqsModel({ endpoint: options.endpoint ?? DEFAULT_ENDPOINT });
    this.#models = {
      dynamodb: this.dynamodb,
      sqs: this.sqs,
      scheduler: this.scheduler,
      s3: this.s3,
      secretsmanager: this.secrets,
      lambda: this.#lambda,
    };
    this.#load();
    this.#watch = new QueueWatch(this.sqs, this.#clock);
    this.#delivery = new ScheduleDelivery(this.#clock, this.scheduler, () => this.#fireSchedules());
    this.#delivery.arm();
    this.#armExpiry();
  }

  /** One API call. Rejects with `AwsServiceError` as AWS answers, with `NotModelledError` for what we do not model. */
  call(service: ServiceName, operation: string, input: Input, caller: Caller): Promise<Output> {
    this.#clock.touch?.();
    if (this.#sandboxes.isDead(caller)) return never();
    if (this.#sandboxes.isFrozen(caller)) {
      return this.#sandboxes.whenThawed(caller, () => this.call(service, operation, input, caller));
    }
    const call = this.faults.number(service, operation, input, caller);
    const fault = this.faults.decide(call);
    return fault === undefined ? this.#answer(call) : this.#answerWith(fault, call);
  }

  /**
   * Receives as soon as something can be received, however long that takes, and without a timer while the queue is empty:
   * what an event source mapping's pollers come to. Answers with no messages once `abort` aborts. Goes on by itself after a
   * call that failed, as the pollers do.
   */
  async receiveWhenAvailable(
    queueUrl: string,
    maxMessages: number,
    caller: Caller,
    abort: AbortSignal,
  ): Promise<Message[]> {
    const input: Input = {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: maxMessages,
      // Said, so that the queue's own default is not looked up: that costs a walk through the queue at every receive.
      WaitTimeSeconds: 0,
      MessageSystemAttributeNames: ["All"],
      MessageAttributeNames: ["All"],
    };
    while (!abort.aborted) {
      if (this.#watch.hasVisible(queueUrl)) {
        const messages = messagesOf(await this.call("sqs", "ReceiveMessage", input, caller).catch(emptyUnlessOurs));
        if (messages.length > 0) return messages;
        await this.#watch.whenSent(queueUrl, this.#clock.now() + POLLER_PAUSE_MS, [abort]);
      } else {
        await this.#watch.whenVisible(queueUrl, { untilMs: null, signals: [abort] });
      }
    }
    return [];
  }

  /** A sandbox is gone (killed, timed out, crashed): its further calls have no effect and never settle. */
  kill(sandboxId: string): void {
    this.#sandboxes.kill(sandboxId);
  }

  /**
   * A sandbox stands still for so long: what it calls meanwhile arrives when it thaws, and so do the answers it waits for.
   * A second freeze only makes it longer.
   */
  freeze(sandboxId: string, ms: number): void {
    this.#sandboxes.freeze(sandboxId, ms);
  }

  /** Told when a sandbox dies, by a fault or by `kill`. The returned function removes the listener. */
  onCrash(listener: (sandboxId: string) => void): () => void {
    return this.#sandboxes.onCrash(listener);
  }

  /** Told when a schedule fires whose target is a Lambda function. Register before its schedules are due. */
  onInvoke(listener: LambdaListener): () => void {
    return this.#delivery.onInvoke(listener);
  }

  /** Lets callers invoke functions through the Lambda API. */
  serveInvocations(invoker: FunctionInvoker): void {
    this.#lambda.serve(invoker);
  }

  /** Told when a schedule fired at nothing: the queue does not exist, or no listener took the function's ARN. */
  onUndelivered(listener: (error: Error) => void): () => void {
    return this.#delivery.onUndelivered(listener);
  }

  /** Deletes items whose TTL has passed, as DynamoDB does in its own time. Returns how many. */
  expireItems(): number {
    const nowMs = this.#clock.now();
    const expired = this.dynamodb.expire(nowMs);
    if (expired > 0) this.#log?.append([{ t: nowMs, service: "dynamodb", op: EXPIRE_ITEMS, input: {}, seed: 0 }]);
    return expired;
  }

  /** Stops every timer and closes the log. Calls after this fail. */
  close(): void {
    this.#delivery.stop();
    this.#cancelExpiry?.();
    this.#log?.close();
  }

  #answer(call: AwsCall): Promise<Output> {
    if (call.service === "sqs" && call.operation === "ReceiveMessage") return this.#receive(call);
    if (call.service === "lambda") return this.#invoke(call);
    try {
      return Promise.resolve(this.#apply(call));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #answerWith(fault: Fault, call: AwsCall): Promise<Output> {
    if (typeof fault === "object") return this.#freeze(call, fault.freezeMs, fault.when ?? "before");
    switch (fault) {
      case "crash-before":
        return this.#crash(call.caller);
      case "crash-after":
        this.#applyUnanswered(call);
        return this.#crash(call.caller);
      case "lost":
        this.#applyUnanswered(call);
        return Promise.reject(new ConnectionLostError());
      case "drop":
        return Promise.reject(new ConnectionLostError());
      case "throttle":
        return Promise.reject(throttlingError(call.service));
      case "double":
        this.#applyUnanswered(call);
        return this.#answer(call);
      case "stale":
        return this.#answerStale(call);
    }
  }

  /** Principals of AWS itself have no sandbox and do not crash; for them a crash is a broken connection. */
  #crash(caller: Caller): Promise<Output> {
    if (caller.sandboxId === undefined) return Promise.reject(new ConnectionLostError());
    this.kill(caller.sandboxId);
    return never();
  }

  async #freeze(call: AwsCall, freezeMs: number, when: "before" | "after"): Promise<Output> {
    if (when === "before") {
      await this.#sandboxes.pause(freezeMs);
      return this.#sandboxes.whenThawed(call.caller, () => this.#answer(call));
    }
    const answer = this.#answer(call);
    // Rejections are passed on by the return below; until then they must not count as unhandled.
    answer.catch(() => undefined);
    await this.#sandboxes.pause(freezeMs);
    return this.#sandboxes.whenThawed(call.caller, () => answer);
  }

  #answerStale(call: AwsCall): Promise<Output> {
    this.#staleReads = true;
    try {
      return this.#answer(call);
    } finally {
      this.#staleReads = false;
    }
  }

  /** Applies a call whose answer nobody will get. */
  #applyUnanswered(call: AwsCall): void {
    try {
      this.#apply(call);
    } catch (error) {
      if (!(error instanceof AwsServiceError)) throw error;
    }
  }

  #apply(call: AwsCall): Output {
    let units: Units = {};
    let output: Output | undefined;
    try {
      output = this.#execute(call, (metered) => (units = addUnits(units, metered)));
      return output;
    } finally {
      this.ledger.record(call, units, output);
    }
  }

  /** An invocation runs as long as the function does. */
  async #invoke(call: AwsCall): Promise<Output> {
    let output: Output | undefined;
    try {
      this.#authorize(call);
      output = await this.#lambda.invoke(call.operation, call.input);
      return this.#sandboxes.isDead(call.caller) ? never() : output;
    } finally {
      this.ledger.record(call, {}, output);
    }
  }

  #execute(call: AuthorizedCall, meter: CallContext["meter"]): Output {
    this.#authorize(call);
    const { output, record } = this.#run(call, meter);
    if (record !== undefined) this.#log?.append([record]);
    if (call.service === "scheduler") this.#delivery.arm();
    if (call.service === "dynamodb" && this.dynamodb.logged.has(call.operation)) this.#armExpiry();
    return output;
  }

  /** Runs a call through its model and gives the record of it, if the log wants one. */
  #run(
    call: Pick<AwsCall, "service" | "operation" | "input">,
    meter: CallContext["meter"],
  ): { output: Output; record: LogRecord | undefined } {
    const { service, operation, input } = call;
    const model = this.#models[service];
    const seed = seedOf(this.#seedFamily, (this.#internalCalls += 1));
    const nowMs = this.#clock.now();
    const output = model.execute(operation, input, { nowMs, random: seededRandom(seed), meter });
    const isLogged = this.#log !== undefined && model.logged.has(operation);
    return { output, record: isLogged ? { t: nowMs, service, op: operation, input, seed } : undefined };
  }

  /** ReceiveMessage, with its wait: one API call however often it looks. */
  async #receive(call: AwsCall): Promise<Output> {
    const waitMs = this.#waitMsOf(call.input);
    if (waitMs === 0) return this.#apply(call);
    const queueUrl = String(call.input["QueueUrl"]);
    const untilMs = this.#clock.now() + waitMs;
    const { signal } = call.caller;
    let units: Units = {};
    let output: Output | undefined;
    const look = (): Output => {
      units = {};
      return this.#execute(call, (metered) => (units = addUnits(units, metered)));
    };
    try {
      output = look();
      while (messagesOf(output).length === 0 && this.#clock.now() < untilMs) {
        await this.#watch.whenVisible(queueUrl, { untilMs, signals: [signal] });
        if (this.#sandboxes.isDead(call.caller)) return never();
        if (signal?.aborted === true) break;
        if (this.#watch.hasVisible(queueUrl)) output = look();
      }
      return output;
    } finally {
      this.ledger.record(call, units, output);
    }
  }

  /** The wait a receive asks for, or else its queue's own. */
  #waitMsOf(input: Input): number {
    const asked = input["WaitTimeSeconds"];
    if (asked !== undefined) return Number(asked) * 1_000;
    const question = { QueueUrl: input["QueueUrl"], AttributeNames: [RECEIVE_WAIT] };
    try {
      const { output } = this.#run(
        { service: "sqs", operation: "GetQueueAttributes", input: question },
        () => undefined,
      );
      const attributes = output["Attributes"];
      return isObject(attributes) ? Number(attributes[RECEIVE_WAIT] ?? 0) * 1_000 : 0;
    } catch (error) {
      // The receive itself will say what is wrong with the queue.
      if (error instanceof AwsServiceError) return 0;
      throw error;
    }
  }

  /**
   * Fires what is due and sends its messages as one change: a kill in between must not lose a timer that was taken out.
   * Faults here are the Scheduler's own: "double" and "lost" (it tries again) send twice, "drop" sends nothing.
   */
  #fireSchedules(): void {
    const records: LogRecord[] = [];
    const run = (call: AwsCall): Output => {
      let units: Units = {};
      const { output, record } = this.#run(call, (metered) => (units = addUnits(units, metered)));
      if (record !== undefined) records.push(record);
      this.ledger.record(call, units, output);
      return output;
    };
    const fired = run({
      service: "scheduler",
      operation: "FireDue",
      input: {},
      caller: SCHEDULER,
      index: 0,
      callerIndex: 0,
    });
    const invocations: Delivery[] = [];
    for (const delivery of deliveriesOf(fired)) {
      try {
        const input = messageOf(delivery);
        this.#authorize(authorizationOf(delivery, input));
        if (input === undefined) invocations.push(delivery);
        else this.#deliver(input, run);
      } catch (error) {
        const isDeadLettered = this.#deadLetter(delivery, run);
        if (!isDeadLettered) this.#delivery.undelivered(delivery, error);
      }
    }
    this.#log?.append(records);
    for (const delivery of invocations) this.#delivery.invoke(delivery);
  }

  #deliver(input: Input, run: (call: AwsCall) => Output): void {
    const call = this.faults.number("sqs", "SendMessage", input, SCHEDULER);
    const fault = this.faults.decide(call);
    if (fault === "drop") return;
    run(call);
    if (fault === "double" || fault === "lost") run(call);
  }

  /** Scheduler tries again for a day first. A queue that does not exist seldom comes to be within it, so we do not. */
  #deadLetter(delivery: Delivery, run: (call: AwsCall) => Output): boolean {
    const input = deadLetterOf(delivery);
    if (input === undefined) return false;
    try {
      this.#deliver(input, run);
      return true;
    } catch (error) {
      if (error instanceof AwsServiceError) return false;
      throw error;
    }
  }

  #load(): void {
    this.#log?.load({
      restore: (service, state) => this.#models[service].restore(state),
      apply: (record) => this.#replay(record),
      snapshots: () => SERVICES.map((service) => [service, this.#models[service].snapshot()] as const),
    });
  }

  #replay({ t, service, op, input, seed }: LogRecord): void {
    if (op === EXPIRE_ITEMS) {
      this.dynamodb.expire(t);
      return;
    }
    try {
      this.#models[service].execute(op, input, { nowMs: t, random: seededRandom(seed), meter: () => undefined });
    } catch (error) {
      // Receives are not logged, so a delete may name a message that a receive had moved to its dead-letter queue. SQS
      // delivers at least once: the message is simply there again. Any other refusal means that history has changed.
      if (service !== "sqs" || !(error instanceof AwsServiceError)) throw error;
    }
  }

  /** Sets the timer for the next look at expired items, if there are any that will expire and no timer is set. */
  #armExpiry(): void {
    if (this.#cancelExpiry !== undefined) return;
    const nowMs = this.#clock.now();
    const nextMs = this.dynamodb.nextExpiryAtMs(nowMs);
    if (nextMs === undefined) return;
    const delayMs = Math.min(Math.max(0, nextMs - nowMs) + EXPIRY_DELAY_MS, MAX_EXPIRY_DELAY_MS);
    this.#cancelExpiry = afterUnheld(this.#clock, delayMs, () => {
      this.#cancelExpiry = undefined;
      this.expireItems();
      this.#armExpiry();
    });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function messagesOf(output: Output): Message[] {
  const messages = output["Messages"];
  // Sound: the SQS model answers ReceiveMessage in the SDK's own shape.
  return Array.isArray(messages) ? (messages as Message[]) : [];
}

function deliveriesOf(output: Output): Delivery[] {
  const deliveries = output["Deliveries"];
  // Sound: FireDue is our own operation and answers with what the scheduler model's type says.
  return Array.isArray(deliveries) ? (deliveries as Delivery[]) : [];
}

/** A poller of AWS goes on after any error of the service or the connection. Our own limits stay loud. */
function emptyUnlessOurs(error: unknown): Output {
  if (error instanceof AwsServiceError || error instanceof ConnectionLostError) return {};
  throw error;
}
