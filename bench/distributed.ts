/**
 * Distributed steps: what one costs in billed units and calls, and that a thousand cost a hundred times what ten do; and how
 * long an invoke takes there and back, beside a step in the turn.
 */
import { Perdure } from "../sdk/client.js";
import { realClock } from "../sdk/clock.js";
import type { PerdureFunction } from "../sdk/function.js";
import { MINUTE, Scenario } from "../test/scenario/world.js";
import { report, rounded } from "./report.js";

const client = new Perdure({ id: "bench" });
/** DESIGN §10: a distributed parallel step. */
const ALLOWED_WRITES = 3;

const fan = (branches: number): PerdureFunction<never> =>
  client.createFunction({ id: "fan", triggers: { event: "bench/fan" }, parallel: "distributed" }, async ({ step }) => {
    await Promise.all(Array.from({ length: branches }, (_, index) => step.run(`branch-${index}`, () => index)));
  });

interface Counts {
  writes: number;
  reads: number;
  sends: number;
  starts: number;
  cpuMs: number;
}

async function countsOf(branches: number): Promise<Counts> {
  const scenario = await Scenario.start({ client, functions: [fan(branches)], workerConcurrency: 50 });
  const mark = scenario.world.aws.ledger.mark();
  let starts = 0;
  scenario.world.onInvocation(({ functionName }) => (starts += functionName === "worker" ? 1 : 0));
  const begunMs = realClock.monotonic();
  await scenario.send({ name: "bench/fan" });
  await scenario.advance(MINUTE);
  const cpuMs = realClock.monotonic() - begunMs;
  const { rows, units } = scenario.world.aws.ledger.since(mark);
  const sends = rows
    .filter(({ operation }) => operation.startsWith("SendMessage"))
    .reduce((sum, row) => sum + row.calls, 0);
  const [run] = (await scenario.runsOf("fan")).timeSorted;
  if (run?.head.status !== "Completed") throw new Error(`A fan of ${branches} did not complete`);
  await scenario.stop();
  return { writes: units.writeUnits + units.indexWriteUnits, reads: units.readUnits, sends, starts, cpuMs };
}

export async function benchDistributed(): Promise<void> {
  const none = await countsOf(0);
  for (const branches of [10, 100, 1_000]) {
    const counts = await countsOf(branches);
    const each = (name: keyof Counts): number => rounded((counts[name] - none[name]) / branches);
    const writes = each("writes");
    report({
      bench: "distributed",
      operation: "step in a Lambda of its own",
      branches,
      writes,
      reads: each("reads"),
      sends: each("sends"),
      lambdaStarts: each("starts"),
      msOfOneCore: each("cpuMs"),
      allowedWrites: ALLOWED_WRITES,
      within: writes <= ALLOWED_WRITES + 0.5,
    });
  }
}
