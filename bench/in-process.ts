/**
 * Speed of the engine itself: the platform in one process on the machine's clock, with the durable log on disk. What is
 * left out: sockets and the SDK (the wire bench has them), AWS's own latency. Peers' figures are in bench/README.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Perdure } from "../sdk/client.js";
import { realClock, realRandom, sleep } from "../sdk/clock.js";
import type { PerdureFunction } from "../sdk/function.js";
import { DurableLog } from "../local/aws/durable-log.js";
import { EVENT_KEY, World } from "../local/world/world.js";
import { quantile, report, rounded } from "./report.js";

const client = new Perdure({ id: "bench" });

interface Watch {
  started: Map<number, number>;
  ended: Map<number, number>;
  stepGapsMs: number[];
}

const nowMs = (): number => realClock.monotonic();

function functions(watch: Watch): readonly PerdureFunction<never>[] {
  const five = client.createFunction({ id: "five", triggers: { event: "bench/five" } }, async ({ event, step }) => {
    const n = Number(event.data["n"]);
    if (!watch.started.has(n)) watch.started.set(n, nowMs());
    for (let index = 0; index < 5; index += 1) await step.run(`step-${index}`, () => index);
    watch.ended.set(n, nowMs());
  });
  const thousand = client.createFunction(
    { id: "thousand", triggers: { event: "bench/thousand" } },
    async ({ step }) => {
      let last = nowMs();
      for (let index = 0; index < 1_000; index += 1) {
        await step.run("step", () => index);
        const now = nowMs();
        watch.stepGapsMs.push(now - last);
        last = now;
      }
      watch.ended.set(0, nowMs());
    },
  );
  const wide = client.createFunction({ id: "wide", triggers: { event: "bench/wide" } }, async ({ event, step }) => {
    const n = Number(event.data["n"]);
    watch.started.set(n, nowMs());
    await Promise.all(Array.from({ length: 100 }, (_, index) => step.run(`part-${index}`, () => index)));
    watch.ended.set(n, nowMs());
  });
  const child = client.createFunction({ id: "child" }, () => "answer");
  const caller = client.createFunction({ id: "caller", triggers: { event: "bench/call" } }, async ({ event, step }) => {
    await step.invoke("ask", { function: child });
    watch.ended.set(Number(event.data["n"]), nowMs());
  });
  const waiter = client.createFunction({ id: "waiter", triggers: { event: "bench/wait" } }, async ({ event, step }) => {
    const n = Number(event.data["n"]);
    await step.waitForEvent("answer", { event: "bench/answer", match: "data.n", timeout: "1h" });
    watch.ended.set(n, nowMs());
  });
  return [five, thousand, wide, child, caller, waiter];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(realClock, 1);
}

async function send(world: World, events: object[]): Promise<void> {
  const { status } = await world.request("POST", `/e/${EVENT_KEY}`, events);
  if (status !== 200) throw new Error(`The events were not accepted: ${status}`);
}

export async function benchInProcess(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "perdure-bench-"));
  const watch: Watch = { started: new Map(), ended: new Map(), stepGapsMs: [] };
  const log = new DurableLog({ directory });
  const world = await World.start({ clock: realClock, random: realRandom, client, functions: functions(watch), log });
  try {
    await latency(world, watch);
    await throughput(world, watch, 1_000);
    await steps(world, watch);
    await wide(world, watch);
    await roundTrips(world, watch);
  } finally {
    await world.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function latency(world: World, watch: Watch): Promise<void> {
  const gapsMs: number[] = [];
  for (let n = 0; n < 300; n += 1) {
    const sentMs = nowMs();
    await send(world, [{ name: "bench/five", data: { n } }]);
    await until(() => watch.ended.has(n));
    if (n >= 100) gapsMs.push((watch.started.get(n) ?? 0) - sentMs);
  }
  report({
    bench: "event to start",
    face: "in-process",
    p50Ms: rounded(quantile(gapsMs, 0.5)),
    p99Ms: rounded(quantile(gapsMs, 0.99)),
    aimMs: 3,
  });
}

async function throughput(world: World, watch: Watch, runs: number): Promise<void> {
  watch.ended.clear();
  const startMs = nowMs();
  for (let from = 0; from < runs; from += 10) {
    await send(
      world,
      Array.from({ length: 10 }, (_, index) => ({ name: "bench/five", data: { n: from + index } })),
    );
  }
  await until(() => watch.ended.size === runs);
  const seconds = (nowMs() - startMs) / 1_000;
  const runsPerSecond = rounded(runs / seconds, 0);
  report({
    bench: "throughput",
    face: "in-process",
    runsPerSecond,
    stepsPerSecond: runsPerSecond * 5,
    aimRunsPerSecond: 450,
  });
}

async function steps(world: World, watch: Watch): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    watch.ended.clear();
    await send(world, [{ name: "bench/thousand" }]);
    await until(() => watch.ended.has(0));
  }
  const at = (from: number, to: number): number[] =>
    watch.stepGapsMs.filter((_, index) => index % 1_000 >= from && index % 1_000 < to && index >= 1_000);
  for (const [name, from, to] of [
    ["1st", 0, 20],
    ["100th", 90, 110],
    ["1,000th", 980, 1_000],
  ] as const) {
    const gaps = at(from, to);
    report({
      bench: "step added",
      face: "in-process",
      step: name,
      p50Ms: rounded(quantile(gaps, 0.5)),
      p99Ms: rounded(quantile(gaps, 0.99)),
      aimMs: 0.6,
    });
  }
}

async function wide(world: World, watch: Watch): Promise<void> {
  const spansMs: number[] = [];
  for (let n = 0; n < 30; n += 1) {
    watch.ended.clear();
    await send(world, [{ name: "bench/wide", data: { n } }]);
    await until(() => watch.ended.has(n));
    if (n >= 5) spansMs.push((watch.ended.get(n) ?? 0) - (watch.started.get(n) ?? 0));
  }
  report({
    bench: "100 parallel steps",
    face: "in-process",
    p50Ms: rounded(quantile(spansMs, 0.5)),
    p99Ms: rounded(quantile(spansMs, 0.99)),
    aimMs: 30,
  });
}

/** Another function there and back, from the event; and an event to the run that waits for it, which has parked long ago. */
async function roundTrips(world: World, watch: Watch): Promise<void> {
  const span = async (prepare: (n: number) => Promise<void>, event: (n: number) => object): Promise<number[]> => {
    const spansMs: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      watch.ended.clear();
      await prepare(n);
      const sentMs = nowMs();
      await send(world, [event(n)]);
      await until(() => watch.ended.has(n));
      if (n >= 10) spansMs.push((watch.ended.get(n) ?? 0) - sentMs);
    }
    return spansMs;
  };
  const show = (bench: string, spansMs: readonly number[]): void =>
    report({
      bench,
      face: "in-process",
      p50Ms: rounded(quantile(spansMs, 0.5)),
      p99Ms: rounded(quantile(spansMs, 0.99)),
    });
  const nothing = (): Promise<void> => Promise.resolve();
  show("event to the answer of an invoked function", await span(nothing, (n) => ({ name: "bench/call", data: { n } })));
  const park = async (n: number): Promise<void> => {
    await send(world, [{ name: "bench/wait", data: { n } }]);
    await sleep(realClock, PARKED_AFTER_MS);
  };
  show("event to the run that waits for it", await span(park, (n) => ({ name: "bench/answer", data: { n } })));
}

/** More than a turn and its grace. */
const PARKED_AFTER_MS = 200;
