/**
 * Owns: the type of `step`, the tools a function is cut into steps with.
 * Must not: know how a step is run or remembered; `sdk/host` does.
 */
import type { TimeStr } from "./duration.js";
import type { EventMap, Sendable } from "./events.js";
import type { Jsonify } from "./jsonify.js";

/**
 * A step's id, alone or with options. The id names the step in the history, so it must not change while runs are under
 * way; one used again in the same run gets an occurrence index. `name` is for showing.
 */
export type StepId = string | { id: string; name?: string };

/** What a step's body returned, as the function sees it: through JSON, and `undefined` is null. */
export type StepOutput<T> = Jsonify<Awaited<T>>;

/**
 * The tools of one run. Each takes an id first. Steps started together run side by side, with `Promise.all` and the
 * others behaving as in plain JavaScript.
 */
export interface StepTools<Events extends EventMap<Events> = Record<never, never>> {
  /**
   * Runs `body` and remembers what it returned: however often the function is begun anew, a completed step is not run
   * again. A body that throws is tried again (`retries`), and then the promise rejects with a `StepError`.
   * `input` is handed to the body.
   *
   * @example
   * const user = await step.run("load-user", () => db.users.find(event.data.userId));
   * const [mail, push] = await Promise.all([
   *   step.run("send-mail", () => mailer.send(user)),
   *   step.run("send-push", pushes.send, user),
   * ]);
   */
  run<Output, Input extends readonly unknown[] = []>(
    id: StepId,
    body: (...input: Input) => Output,
    ...input: Input
  ): Promise<StepOutput<Output>>;

  /**
   * Goes on after a duration, up to 366 days. Nothing runs meanwhile.
   *
   * @example
   * await step.sleep("let-it-settle", "10m");
   */
  sleep(id: StepId, duration: number | TimeStr): Promise<void>;

  /**
   * Goes on at a point in time: a Date or an ISO 8601 string. One that has passed does not wait.
   *
   * @example
   * await step.sleepUntil("trial-ends", new Date(event.data.trialEndsAt));
   */
  sleepUntil(id: StepId, time: Date | string): Promise<void>;

  /**
   * Sends events, exactly once however often the function is begun anew: prefer it to `perdure.send` inside a function.
   *
   * @example
   * const { ids } = await step.sendEvent("announce", { name: "app/order.paid", data: { orderId } });
   */
  // `Declared` is `Events` and nothing else. As a parameter of the method it keeps StepTools<Events> assignable to
  // StepTools, so that a helper can take `step` without knowing the app's events.
  sendEvent<const Name extends string, Declared extends EventMap<Declared> = Events>(
    id: StepId,
    events: Sendable<NoInfer<Declared>, Name> | readonly Sendable<NoInfer<Declared>, Name>[],
  ): Promise<{ ids: string[] }>;
}
