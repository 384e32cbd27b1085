/**
 * Owns: the functions whose every AWS call is made to fail. Each is small and named after the one thing it does. What a body
 * returns and when it throws depends on its run alone, so that every correct execution ends the same, except where two
 * steps race: `mayEnd` says how else.
 */
import type { Perdure } from "../../sdk/client.js";
import { NonRetriableError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { HOUR, MINUTE, SECOND, START_MS, type ScenarioOptions } from "../scenario/world.js";
import type { Probe } from "./probe.js";
import type { ProgramLimit } from "./shifts.js";

export interface Program {
  name: string;
  /** Ids of the functions, the one that the events start first. */
  functions: readonly string[];
  build(client: Perdure, probe: () => Probe): readonly PerdureFunction<never>[];
  /** What one request sends. */
  events: readonly object[];
  /** Virtual time after which every run must have ended, whatever went wrong. */
  horizonMs: number;
  /** Attempts a step's body has without any fault; 1 where nothing is said. */
  attempts?: Readonly<Record<string, number>>;
  /** Steps whose body may begin once and never again, whatever goes wrong. */
  atMostOnce?: readonly string[];
  /** No body begins before this time. */
  notBeforeMs?: number;
  /** How the runs end, sorted: `<function> Completed <output>` or `<function> Failed <message>`. */
  ends: readonly string[];
  /** Where two things race: other ways to end that are as correct. */
  mayEnd?: readonly (readonly string[])[];
  /** Bodies run without a lease: a message that comes twice may begin them once more (ADR 0019). */
  distributed?: true;
  /** Of the world it runs in. */
  world?: Pick<ScenarioOptions, "workerTimeoutMs">;
  /** Never more at once, whatever goes wrong. */
  limits?: readonly ProgramLimit[];
  /** Events of runs that need every place there is, each for longer than a place is left to a run that is gone. */
  passers?: readonly object[];
}

const SHORT_MS = 20 * MINUTE;
const go = { name: "crash/go", data: {} };
const trigger = { event: "crash/go" } as const;

const threeSteps: Program = {
  name: "three steps in sequence",
  functions: ["three"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["three Completed abc"],
  build: (client, probe) => [
    client.createFunction({ id: "three", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const a = await pass.run(step, "a", 20, () => "a");
      const b = await pass.run(step, "b", 400, () => `${a}b`);
      return pass.run(step, "c", 20, () => `${b}c`);
    }),
  ],
};

const sleeper: Program = {
  name: "step, sleep of a minute, step",
  functions: ["sleeper"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["sleeper Completed before and after"],
  build: (client, probe) => [
    client.createFunction({ id: "sleeper", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const a = await pass.run(step, "a", 20, () => "before");
      await pass.sleep(step, "nap", MINUTE);
      return pass.run(step, "b", 400, () => `${a} and after`);
    }),
  ],
};

const longSleeper = (name: string, lengthMs: number): Program => ({
  name,
  functions: ["long"],
  events: [go],
  horizonMs: lengthMs + SHORT_MS,
  ends: ["long Completed awake"],
  build: (client, probe) => [
    client.createFunction({ id: "long", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.sleep(step, "night", lengthMs);
      return pass.run(step, "wake", 400, () => "awake");
    }),
  ],
});

const retrier: Program = {
  name: "a step that fails twice",
  functions: ["retrier"],
  events: [go],
  horizonMs: SHORT_MS,
  attempts: { flaky: 3 },
  ends: ["retrier Completed at last"],
  build: (client, probe) => [
    client.createFunction({ id: "retrier", triggers: trigger }, async (context) => {
      const { step, runId } = context;
      const pass = probe().pass(runId);
      const work = (): string => {
        if (context.attempt < 2) throw new Error(`attempt ${context.attempt} fails`);
        return "at last";
      };
      return pass.run(step, "flaky", 400, work);
    }),
  ],
};

const racer: Program = {
  name: "a race of two steps, then one named after the winner",
  functions: ["racer"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["racer Completed after a"],
  mayEnd: [["racer Completed after b"]],
  build: (client, probe) => [
    client.createFunction({ id: "racer", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const a = pass.run(step, "a", 400, () => "a");
      const b = pass.run(step, "b", 410, () => "b");
      const winner = await Promise.race([a, b]);
      return pass.run(step, `after ${winner}`, 20, () => `after ${winner}`);
    }),
  ],
};

const five = ["p", "q", "r", "s", "t"];

const fiveAtOnce: Program = {
  name: "five steps at once",
  functions: ["five"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["five Completed p,q,r,s,t"],
  build: (client, probe) => [
    client.createFunction({ id: "five", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      // The third ends first: the order of the log is not the order of the code.
      const all = five.map((id, index) => pass.run(step, id, Math.abs(index - 2) * 30 + 300, () => id));
      return (await Promise.all(all)).join();
    }),
  ],
};

const stepOrTimeout: Program = {
  name: "a race of a step and a sleep",
  functions: ["impatient"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["impatient Completed work won"],
  mayEnd: [["impatient Completed clock won"]],
  build: (client, probe) => [
    client.createFunction({ id: "impatient", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const work = pass.run(step, "work", 2 * SECOND, () => "work");
      const clock = pass.sleep(step, "limit", MINUTE).then(() => "clock");
      const winner = await Promise.race([work, clock]);
      return pass.run(step, "end", 20, () => `${winner} won`);
    }),
  ],
};

const deadHeat: Program = {
  name: "a race of a step and a sleep that end together",
  functions: ["heat"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["heat Completed work won"],
  mayEnd: [["heat Completed clock won"]],
  build: (client, probe) => [
    client.createFunction({ id: "heat", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const work = pass.run(step, "work", 2 * SECOND, () => "work");
      const clock = pass.sleep(step, "limit", 2 * SECOND).then(() => "clock");
      const winner = await Promise.race([work, clock]);
      return pass.run(step, "end", 20, () => `${winner} won`);
    }),
  ],
};

const napper: Program = {
  name: "a sleep too short to leave its turn",
  functions: ["napper"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["napper Completed ab"],
  build: (client, probe) => [
    client.createFunction({ id: "napper", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const a = await pass.run(step, "a", 20, () => "a");
      await pass.sleep(step, "blink", 300);
      const b = await pass.run(step, "b", 20, () => `${a}b`);
      await pass.sleep(step, "blink again", 300);
      return b;
    }),
  ],
};

const branches: Program = {
  name: "two branches that sleep and work",
  functions: ["branches"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["branches Completed x,yz"],
  build: (client, probe) => [
    client.createFunction({ id: "branches", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const left = async (): Promise<string> => {
        await pass.sleep(step, "left", MINUTE);
        return pass.run(step, "x", 300, () => "x");
      };
      const right = async (): Promise<string> => {
        const y = await pass.run(step, "y", 300, () => "y");
        await pass.sleep(step, "right", MINUTE);
        return pass.run(step, "z", 300, () => `${y}z`);
      };
      return (await Promise.all([left(), right()])).join();
    }),
  ],
};

const looper: Program = {
  name: "a loop that uses its ids again",
  functions: ["looper"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["looper Completed 0,1,2"],
  attempts: { turn: 3 },
  build: (client, probe) => [
    client.createFunction({ id: "looper", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const turns: string[] = [];
      for (const turn of ["0", "1", "2"]) {
        turns.push(await pass.again(step, "turn", 300, () => turn));
        await step.sleep("pause", "10s");
      }
      return turns.join();
    }),
  ],
};

const leaver: Program = {
  name: "a step nobody awaits",
  functions: ["leaver"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["leaver Completed b"],
  build: (client, probe) => [
    client.createFunction({ id: "leaver", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      void pass.run(step, "a", 600, () => "a").catch(() => undefined);
      return pass.run(step, "b", 400, () => "b");
    }),
  ],
};

const starter: Program = {
  name: "an event sent to a second function",
  functions: ["starter", "started"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["started Completed 14", "starter Completed told 1"],
  build: (client, probe) => [
    client.createFunction({ id: "starter", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const { ids } = await pass.shown("tell", step.sendEvent("tell", { name: "crash/second", data: { n: 7 } }));
      return `told ${ids.length}`;
    }),
    client.createFunction({ id: "started", triggers: { event: "crash/second" } }, async ({ event, step, runId }) => {
      const pass = probe().pass(runId);
      return pass.run(step, "twice", 400, () => String(Number(event.data["n"]) * 2));
    }),
  ],
};

const thrower: Program = {
  name: "a function that throws once",
  functions: ["thrower"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["thrower Completed ab"],
  build: (client, probe) => [
    client.createFunction({ id: "thrower", triggers: trigger }, async (context) => {
      const { step, runId } = context;
      const pass = probe().pass(runId);
      const a = await pass.run(step, "a", 20, () => "a");
      if (context.attempt === 0) throw new Error("not yet");
      return pass.run(step, "b", 20, () => `${a}b`);
    }),
  ],
};

const catcher: Program = {
  name: "a step out of attempts, caught, with a fallback",
  functions: ["catcher"],
  events: [go],
  horizonMs: SHORT_MS,
  attempts: { primary: 2 },
  ends: ["catcher Completed from the fallback"],
  build: (client, probe) => [
    client.createFunction({ id: "catcher", triggers: trigger, retries: 1 }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const primary = (): string => {
        throw new Error("the primary is down");
      };
      try {
        return await pass.run(step, "primary", 400, primary);
      } catch {
        return pass.run(step, "fallback", 20, () => "from the fallback");
      }
    }),
  ],
};

const failer: Program = {
  name: "a step that fails for good, not caught",
  functions: ["failer"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: ["failer Failed the card is void"],
  build: (client, probe) => [
    client.createFunction({ id: "failer", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.run(step, "a", 20, () => "a");
      return pass.run(step, "charge", 400, () => {
        throw new NonRetriableError("the card is void");
      });
    }),
  ],
};

const later: Program = {
  name: "an event of the future",
  functions: ["later"],
  events: [{ ...go, ts: START_MS + 5 * MINUTE }],
  horizonMs: SHORT_MS,
  notBeforeMs: START_MS + 5 * MINUTE,
  ends: ["later Completed in time"],
  build: (client, probe) => [
    client.createFunction({ id: "later", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      return pass.run(step, "a", 20, () => "in time");
    }),
  ],
};

const muchLater: Program = {
  ...later,
  name: "an event 20 minutes ahead",
  events: [{ ...go, ts: START_MS + 20 * MINUTE }],
  horizonMs: 20 * MINUTE + SHORT_MS,
  notBeforeMs: START_MS + 20 * MINUTE,
};

/** 40 KB that gzip cannot make smaller than 16: the result goes to S3. */
const large = Buffer.from(seededRandom(7).bytes(20_000)).toString("hex");

const spiller: Program = {
  name: "results kept in S3",
  functions: ["spiller"],
  events: [go],
  horizonMs: SHORT_MS,
  ends: [`spiller Completed ${large}`],
  build: (client, probe) => [
    client.createFunction({ id: "spiller", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      const a = await pass.run(step, "a", 20, () => large);
      await pass.sleep(step, "nap", MINUTE);
      await pass.run(step, "b", 20, () => String(a.length));
      return a;
    }),
  ],
};

const threeEvents: Program = {
  name: "three events in one request",
  functions: ["each"],
  events: [0, 1, 2].map((n) => ({ name: "crash/go", data: { n } })),
  horizonMs: SHORT_MS,
  ends: ["each Completed 0", "each Completed 1", "each Completed 2"],
  build: (client, probe) => [
    client.createFunction({ id: "each", triggers: trigger }, async ({ event, step, runId }) => {
      const pass = probe().pass(runId);
      return pass.run(step, "a", 20, () => String(event.data["n"]));
    }),
  ],
};

const payer: Program = {
  name: "a step at most once",
  functions: ["payer"],
  events: [go],
  horizonMs: SHORT_MS,
  atMostOnce: ["pay"],
  ends: ["payer Completed paid and told"],
  mayEnd: [["payer Completed looked up and told"]],
  build: (client, probe) => [
    client.createFunction({ id: "payer", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      await pass.run(step, "before", 20, () => "before");
      const pay = pass.run(step, { id: "pay", atMostOnce: true }, 400, () => "paid");
      const outcome = await pay.catch(() => pass.run(step, "look it up", 20, () => "looked up"));
      return pass.run(step, "tell", 20, () => `${outcome} and told`);
    }),
  ],
};

const idempotent: Program = {
  name: "three events, two of one key, one of its own id used again",
  functions: ["cart"],
  events: [
    { name: "crash/go", data: { cart: "c-1" } },
    { name: "crash/go", data: { cart: "c-1" }, id: "e-1" },
    { name: "crash/go", data: { cart: "c-1" }, id: "e-1" },
  ],
  horizonMs: SHORT_MS,
  ends: ["cart Completed once"],
  build: (client, probe) => [
    client.createFunction(
      { id: "cart", triggers: trigger, idempotency: "event.data.cart" },
      async ({ step, runId }) => {
        const pass = probe().pass(runId);
        return pass.run(step, "a", 20, () => "once");
      },
    ),
  ],
};

const sameIdTwice: Program = {
  name: "two events with one sender's id",
  functions: ["once"],
  events: [
    { ...go, id: "order-1" },
    { ...go, id: "order-1" },
  ],
  horizonMs: SHORT_MS,
  ends: ["once Completed once"],
  build: (client, probe) => [
    client.createFunction({ id: "once", triggers: trigger }, async ({ step, runId }) => {
      const pass = probe().pass(runId);
      return pass.run(step, "a", 20, () => "once");
    }),
  ],
};

/** The flows that are also tried with two faults at once. */
export const CORE_PROGRAMS: readonly Program[] = [threeSteps, sleeper];

/** The programs that are tried with every single fault whenever the tests run: those whose rules fewest others touch. */
export const WHOLE_PROGRAMS: readonly Program[] = [...CORE_PROGRAMS, racer, spiller];

export const PROGRAMS: readonly Program[] = [
  ...CORE_PROGRAMS,
  longSleeper("sleep of two hours", 2 * HOUR),
  retrier,
  racer,
  fiveAtOnce,
  stepOrTimeout,
  deadHeat,
  napper,
  branches,
  looper,
  leaver,
  starter,
  thrower,
  catcher,
  failer,
  later,
  muchLater,
  spiller,
  threeEvents,
  sameIdTwice,
  idempotent,
  payer,
];
