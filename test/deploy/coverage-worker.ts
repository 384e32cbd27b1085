/**
 * A worker under the example app's name whose functions need every permission its role has: large results and events, long
 * waits and timers that are no longer needed, events sent from steps. Deployed over the examples in the course of the test.
 */
import { randomBytes } from "node:crypto";
import { Perdure } from "perdure";
import { serve } from "perdure/lambda";

const perdure = new Perdure({ id: "examples" });

/** Text that does not become smaller. */
const incompressible = (bytes: number): string => randomBytes(bytes).toString("base64");

/** Its result goes to S3, and comes back from there in the turn after the sleep. Its first step outlasts the first beat. */
const large = perdure.createFunction({ id: "large", triggers: { event: "test/large" } }, async ({ step }) => {
  const text = await step.run("make", () => incompressible(30_000));
  await step.run("take-a-while", () => new Promise((resolve) => process.nextTick(wait, 600, resolve)));
  await step.sleep("nap", "1s");
  return step.run("measure", () => text.length);
});

/** Waits beyond what is kept by default: everything it needs is kept longer first, the event's payload among it. */
const patient = perdure.createFunction(
  { id: "patient", triggers: { event: "test/patient" } },
  async ({ event, step }) => {
    await step.run("make", () => incompressible(30_000));
    await step.sleep("two-months", "60d");
    return event.name;
  },
);

let visits = 0;

/** Parks on a timer of an hour; the next time it is looked at, what it raced is there and the timer is not needed. */
const raced = perdure.createFunction({ id: "raced", triggers: { event: "test/raced" } }, async ({ step }) => {
  visits += 1;
  const outside = visits > 1 ? Promise.resolve("outside") : new Promise<string>(() => undefined);
  return Promise.race([outside, step.sleep("an-hour", "1h").then(() => "slept")]);
});

/** More than a message holds: its events travel as an object. */
const sender = perdure.createFunction({ id: "sender", triggers: { event: "test/sender" } }, async ({ step }) => {
  const part = (): { name: string; data: object } => ({ name: "test/sent", data: { text: incompressible(300_000) } });
  const { ids } = await step.sendEvent("send", [part(), part(), part()]);
  return ids.length;
});

const sent = perdure.createFunction({ id: "sent", triggers: { event: "test/sent" } }, ({ event }) => {
  const { text } = event.data;
  return Promise.resolve(typeof text === "string" ? text.length : null);
});

/** Waits for an event that came before it asks, and knows its own only by name: both are too large for what refers to them. */
const awaiting = perdure.createFunction({ id: "awaiting", triggers: { event: "test/awaiting" } }, async ({ step }) => {
  const event = await step.waitForEvent("awaited", {
    event: "test/awaited",
    if: "async.data.text == event.data.text && async.data.n in event.data.list",
    // Without a schedule: those are counted by others.
    timeout: "10m",
    lookback: "run",
  });
  return event?.name ?? null;
});

/** Is cancelled in the middle of a step. */
const cancellable = perdure.createFunction(
  {
    id: "cancellable",
    triggers: { event: "test/cancellable" },
    cancelOn: [{ event: "test/cancelled", match: "data.id" }],
  },
  async ({ step, signal }) => {
    await step.run("until-told", () => new Promise((resolve) => signal.addEventListener("abort", resolve)));
  },
);

/** Waits for a signal; taken over when another run asks for it. */
const signalled = perdure.createFunction(
  { id: "signalled", triggers: { event: "test/signalled" } },
  async ({ step }) => {
    const options = { signal: "test/signal", timeout: "10m", onConflict: "replace" } as const;
    return step.waitForSignal("wait", options).catch((error: { code?: string }) => error.code);
  },
);

/** Sends one. */
const signaller = perdure.createFunction({ id: "signaller", triggers: { event: "test/signaller" } }, ({ step }) =>
  step.sendSignal("send", { signal: "test/signal", data: "from a step" }),
);

/** Answers with more than an item holds; its parent has it copied into its own objects. */
const answers = perdure.createFunction({ id: "answers" }, () => incompressible(30_000));

const asks = perdure.createFunction({ id: "asks", triggers: { event: "test/asks" } }, async ({ step }) => {
  const text = await step.invoke("ask", { function: answers });
  return text.length;
});

/** One at a time, whatever they are asked: each says when it worked, on the clock all sandboxes of one machine have. */
const narrow = perdure.createFunction(
  { id: "narrow", triggers: { event: "test/narrow" }, concurrency: 1 },
  async ({ step }) => {
    const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);
    return step.run("work", async () => {
      const fromMs = nowMs();
      await new Promise((resolve) => process.nextTick(wait, 200, resolve));
      return [fromMs, nowMs()];
    });
  },
);

/** Synchronously: a turn whose loop is blocked must beat all the same. */
function wait(ms: number, done: (value: unknown) => void): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  done(null);
}

export const handler = serve({
  client: perdure,
  functions: [answers, asks, awaiting, cancellable, large, narrow, patient, raced, sender, sent, signalled, signaller],
});
