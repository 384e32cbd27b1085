/**
 * Owns: the app that is run while its processes are killed. Each body writes down that it begins and how it ends, in a file
 * that only grows: one line, one write with O_APPEND, so that no kill can take back or cut what was written.
 * Must not: import anything but the package: it is copied into a project of its own, as a user's would be.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { NonRetriableError, Perdure, StepError } from "perdure";
import { serve } from "perdure/lambda";

const EFFECTS_FILE = process.env["EFFECTS_FILE"] ?? "effects.jsonl";

type Numbered = { n: number; pauseMs: number };
type Events = {
  "load/chain": Numbered;
  "load/leaf": Numbered;
  "load/parent": Numbered;
  "load/flaky": Numbered;
  "load/once": Numbered;
  "load/fan": Numbered;
  "load/race": Numbered;
  "load/group": Numbered;
  "load/slow": Numbered;
  "load/answered": Numbered;
  "load/brief": Numbered;
  "load/signalled": Numbered;
  "load/doomed": Numbered;
  "load/endless": Numbered;
  "load/answer": { n: number; value: number };
};

const perdure = new Perdure<Events>({ id: "load" });

/** Many more than a minute of kills can use up: what is asked is that a run goes on, not when it gives up. */
const STUBBORN = { retries: 20, backoff: { first: "1s", factor: 1 } } as const;

interface Where {
  fn: string;
  n: number;
  runId: string;
}

/** Wall time that several processes share. */
const nowMs = (): number => Math.round(performance.timeOrigin + performance.now());

function write(line: object): void {
  appendFileSync(EFFECTS_FILE, `${JSON.stringify({ ...line, pid: process.pid, atMs: nowMs() })}\n`);
}

/** A body that is on record: that it began, and then whether it returned or threw. `before` is how often it began earlier. */
function body<T>(where: Where, step: string, act: (before: number) => T | Promise<T>): () => Promise<T> {
  return async () => {
    const before = begunBefore(where.runId, step);
    write({ ...where, step, phase: "began" });
    try {
      const result = await act(before);
      write({ ...where, step, phase: "returned" });
      return result;
    } catch (error) {
      write({ ...where, step, phase: "threw" });
      throw error;
    }
  };
}

function begunBefore(runId: string, step: string): number {
  if (!existsSync(EFFECTS_FILE)) return 0;
  const lines = readFileSync(EFFECTS_FILE, "utf8").split("\n");
  const [run, name] = [JSON.stringify(runId), JSON.stringify(step)];
  return lines.filter((line) => line.includes(run) && line.includes(`"step":${name}`) && line.includes('"began"'))
    .length;
}

const chain = perdure.createFunction(
  { id: "chain", triggers: { event: "load/chain" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "chain", n: data.n, runId };
    const first = await step.run(
      "first",
      body(where, "first", () => data.n + 1),
    );
    await step.sleep("nap", data.pauseMs);
    const second = await step.run(
      "second",
      body(where, "second", () => first * 2),
    );
    const { ids } = await step.sendEvent("pass-on", { name: "load/leaf", data: { n: data.n, pauseMs: 0 } });
    const third = await step.run(
      "third",
      body(where, "third", () => second + 1),
    );
    return { value: third, ids };
  },
);

const leaf = perdure.createFunction(
  { id: "leaf", triggers: { event: "load/leaf" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "leaf", n: data.n, runId };
    return {
      value: await step.run(
        "leaf",
        body(where, "leaf", () => data.n * 10),
      ),
    };
  },
);

const child = perdure.createFunction({ id: "child", triggers: [], ...STUBBORN }, async ({ event, runId, step }) => {
  const n = Number(event.data["n"]);
  const where = { fn: "child", n, runId };
  const begin = await step.run(
    "begin",
    body(where, "begin", () => n + 5),
  );
  await step.sleep("nap", "1s");
  return {
    value: await step.run(
      "finish",
      body(where, "finish", () => begin * 3),
    ),
  };
});

const parent = perdure.createFunction(
  { id: "parent", triggers: { event: "load/parent" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "parent", n: data.n, runId };
    const { value } = await step.invoke("call", { function: child, data: { n: data.n } });
    return {
      value: await step.run(
        "after",
        body(where, "after", () => value + 1),
      ),
    };
  },
);

const flaky = perdure.createFunction(
  { id: "flaky", triggers: { event: "load/flaky" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "flaky", n: data.n, runId };
    const value = await step.run(
      "third-time-lucky",
      body(where, "third-time-lucky", (before) => {
        if (before < 2) throw new Error("not yet");
        return data.n;
      }),
    );
    return { value };
  },
);

const once = perdure.createFunction(
  { id: "once", triggers: { event: "load/once" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "once", n: data.n, runId };
    const charge = body(where, "charge", async () => {
      await pause(data.pauseMs);
      return data.n;
    });
    try {
      return { value: await step.run({ id: "charge", atMostOnce: true }, charge) };
    } catch (error) {
      if (error instanceof StepError && error.code === "STEP_INTERRUPTED") return { value: "interrupted" };
      throw error;
    }
  },
);

const FAN = [0, 1, 2, 3];

const fan = perdure.createFunction(
  { id: "fan", triggers: { event: "load/fan" }, parallel: "distributed", ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "fan", n: data.n, runId };
    const part = (k: number) => body(where, `part-${k}`, () => pause(data.pauseMs / 4).then(() => data.n + k));
    const parts = await Promise.all(FAN.map((k) => step.run(`part-${k}`, part(k))));
    const value = parts.reduce((sum, each) => sum + each, 0);
    return {
      value: await step.run(
        { id: "sum", distributed: false },
        body(where, "sum", () => value),
      ),
    };
  },
);

/** A body against a sleep of the same length: whoever wins, has won for ever. */
const race = perdure.createFunction(
  { id: "race", triggers: { event: "load/race" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "race", n: data.n, runId };
    const left = body(where, "left", () => pause(data.pauseMs).then(() => "left" as const));
    const winner = await Promise.race([
      step.run("left", left),
      step.sleep("right", data.pauseMs).then(() => "right" as const),
    ]);
    return {
      value: await step.run(
        `after-${winner}`,
        body(where, `after-${winner}`, () => winner),
      ),
    };
  },
);

/** Two bodies, of which another is the quicker one in every process. */
const group = perdure.createFunction(
  { id: "group", triggers: { event: "load/group" }, ...STUBBORN },
  async ({ event: { data }, runId, step, group: tools }) => {
    const where = { fn: "group", n: data.n, runId };
    const lane = (name: "left" | "right", slow: boolean) =>
      body(where, name, () => pause(slow ? data.pauseMs : data.pauseMs / 2).then(() => name));
    const isEven = process.pid % 2 === 0;
    const winner = await tools.race([
      () => step.run("left", lane("left", isEven)),
      () => step.run("right", lane("right", !isEven)),
    ]);
    await step.sleep("nap", "1s");
    return {
      value: await step.run(
        `after-${winner}`,
        body(where, `after-${winner}`, () => winner),
      ),
    };
  },
);

const slow = perdure.createFunction(
  { id: "slow", triggers: { event: "load/slow" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "slow", n: data.n, runId };
    let value = data.n;
    for (const name of ["one", "two", "three"]) {
      const before = value;
      value = await step.run(
        name,
        body(where, name, () => pause(data.pauseMs).then(() => before + 1)),
      );
    }
    return { value };
  },
);

const answered = perdure.createFunction(
  { id: "answered", triggers: { event: "load/answered" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "answered", n: data.n, runId };
    const waiting = { event: "load/answer", match: "data.n", timeout: "30m", lookback: "run" } as const;
    const answer = await step.waitForEvent("answer", waiting);
    const value = answer === null ? "nothing" : answer.data.value;
    return {
      value: await step.run(
        "after",
        body(where, "after", () => value),
      ),
    };
  },
);

const brief = perdure.createFunction(
  { id: "brief", triggers: { event: "load/brief" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "brief", n: data.n, runId };
    const answer = await step.waitForEvent("answer", { event: "load/answer", match: "data.n", timeout: data.pauseMs });
    const outcome = answer === null ? "late" : "early";
    return {
      value: await step.run(
        `after-${outcome}`,
        body(where, `after-${outcome}`, () => outcome),
      ),
    };
  },
);

const signalled = perdure.createFunction(
  { id: "signalled", triggers: { event: "load/signalled" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "signalled", n: data.n, runId };
    const go = await step.waitForSignal<number>("go", { signal: `go/${data.n}`, timeout: "30m" });
    const value = go === null ? "nothing" : go.data;
    return {
      value: await step.run(
        "after",
        body(where, "after", () => value),
      ),
    };
  },
);

const doomed = perdure.createFunction(
  {
    id: "doomed",
    triggers: { event: "load/doomed" },
    ...STUBBORN,
    onFailure: async ({ event, runId, step }) => {
      const n = Number(event.data.event.data["n"]);
      const where = { fn: "doomed-failure", n, runId };
      return {
        value: await step.run(
          "tell",
          body(where, "tell", () => n),
        ),
      };
    },
  },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "doomed", n: data.n, runId };
    await step.run(
      "fail",
      body(where, "fail", () => {
        throw new NonRetriableError("for good");
      }),
    );
  },
);

const endless = perdure.createFunction(
  { id: "endless", triggers: { event: "load/endless" }, ...STUBBORN },
  async ({ event: { data }, runId, step }) => {
    const where = { fn: "endless", n: data.n, runId };
    for (let tick = 0; tick < 400; tick += 1) {
      await step.run(
        `tick-${tick}`,
        body(where, `tick-${tick}`, () => pause(data.pauseMs / 4).then(() => tick)),
      );
      if (tick % 3 === 2) await step.sleep(`nap-${tick}`, "1s");
    }
  },
);

const functions = [chain, leaf, child, parent, flaky, once, fan, race, group, slow, answered, brief, signalled];
export const handler = serve({ client: perdure, functions: [...functions, doomed, endless] });
