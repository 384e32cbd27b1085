/**
 * Owns: the hands of the named cases: killing and freezing the worker that is at work, watching its calls, and sending it
 * messages it did not ask for. No assertions in here.
 */
import { ChangeMessageVisibilityCommand } from "@aws-sdk/client-sqs";
import type { AwsCall } from "../../local/aws/call.js";
import type { Fault } from "../../local/aws/faults.js";
import { Perdure } from "../../sdk/client.js";
import type { Scenario } from "../scenario/world.js";
import { Peek } from "./peek.js";

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A client that keeps its lines to itself: these tests make errors on purpose. */
export function quietClient(): Perdure {
  return new Perdure({ id: "shop", logger: silent });
}

/** The worker that made the latest call, and ways to be rid of it. */
export class Workers {
  readonly #scenario: Scenario;
  readonly #frozenUntilMs = new Map<string, number>();
  readonly calls: AwsCall[] = [];
  #latest = "";

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    scenario.world.aws.faults.add((call) => this.#watch(call));
  }

  #watch(call: AwsCall): Fault | undefined {
    if (call.caller.name !== "worker") return undefined;
    this.calls.push(call);
    this.#latest = call.caller.sandboxId ?? "";
    const freezeMs = (this.#frozenUntilMs.get(this.#latest) ?? 0) - this.#scenario.clock.now();
    return freezeMs > 0 ? { freezeMs } : undefined;
  }

  /** The process dies. It tells nobody. */
  kill(): void {
    if (this.#latest === "") throw new Error("No worker has made a call yet");
    this.#scenario.world.aws.kill(this.#latest);
  }

  /** Whatever the worker sends from now on arrives after this time; then it goes on as if nothing had been. */
  freeze(ms: number): void {
    if (this.#latest === "") throw new Error("No worker has made a call yet");
    this.#frozenUntilMs.set(this.#latest, this.#scenario.clock.now() + ms);
  }

  /** How many sandboxes have been at work. */
  get sandboxes(): number {
    return new Set(this.calls.map(({ caller }) => caller.sandboxId)).size;
  }

  /** Makes the message that a worker is handling visible again at once, as a visibility that ran out does. */
  async redeliver(): Promise<void> {
    const beat = this.calls.findLast(({ operation }) => operation === "ChangeMessageVisibility");
    const { sqs } = this.#scenario.world.services("outsider").clients;
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: String(beat?.input["QueueUrl"]),
        ReceiptHandle: String(beat?.input["ReceiptHandle"]),
        VisibilityTimeout: 0,
      }),
    );
  }
}

/** A look into the table as it is now. */
export function peek(scenario: Scenario): Peek {
  return new Peek(scenario.world, scenario.clock.now());
}

/** Messages on the step queue: visible, in flight and delayed. */
export function stepMessages(scenario: Scenario): number {
  return (
    peek(scenario)
      .messages()
      .find(({ queue }) => queue === "perdure-steps")?.messages ?? Number.NaN
  );
}

/** Whether a call is the write to a run's head that is told by a part of its update: "leaseUntil", "endedAt", "seals." … */
export function isHeadWrite(call: AwsCall, part: string): boolean {
  return call.operation === "UpdateItem" && String(call.input["UpdateExpression"]).includes(part);
}
