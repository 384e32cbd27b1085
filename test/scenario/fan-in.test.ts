/**
 * Goal: the results of distributed steps reach their run whatever dies, comes twice or lands late on the way, and a branch
 * whose result is there, or that no log asks for, does not run (test/model/README.md, fan-in).
 * Method: branches that take their time, with one write or one message made to come again, or its sender to die, at the moment
 * that matters. No sweeper: only the branches' own messages bring the run on.
 */
import { PutItemCommand, type PutItemCommandInput } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { sleep } from "../../sdk/clock.js";
import type { AwsCall } from "../../local/aws/call.js";
import { isPutOf, onceAt, purge, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { MINUTE, SECOND, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

/** More than are watched one by one. */
const BRANCHES = 9;

const tellsTheRun = ({ caller, operation, input }: AwsCall): boolean =>
  caller.name === "worker" && operation === "SendMessage" && JSON.stringify(input).includes("arrival");

interface Fan {
  scenario: Scenario;
  begun: number[];
}

/** Nine branches of these lengths, side by side. */
async function fan(lengthMs: (index: number) => number, settle: "all" | "race"): Promise<Fan> {
  const begun: number[] = [];
  let scenario: Scenario | null = null;
  const fn = client.createFunction(
    { id: "fan", triggers: { event: "shop/x" }, parallel: "distributed" },
    async ({ step }) => {
      const branches = Array.from({ length: BRANCHES }, (_, index) =>
        step.run(`branch-${index}`, async () => {
          begun.push(index);
          if (scenario) await sleep(scenario.clock, lengthMs(index));
          return index;
        }),
      );
      return settle === "all" ? Promise.all(branches) : Promise.race(branches);
    },
  );
  scenario = await start({ client, functions: [fn], workerConcurrency: 20 });
  return { scenario, begun };
}

it("a copy of a group's sets that lands late puts no name back", async () => {
  const { scenario } = await fan((index) => (index + 1) * SECOND, "all");
  const sets: PutItemCommandInput[] = [];
  scenario.world.aws.faults.add((call) => {
    if (isPutOf(call, "FAN#")) sets.push({ TableName: undefined, Item: undefined, ...call.input });
    return undefined;
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(4_500);
  expect(sets).toHaveLength(2);
  const { dynamodb } = scenario.world.services("outsider").clients;
  for (const set of sets.splice(0)) await dynamodb.send(new PutItemCommand(set)).catch(() => undefined);
  await scenario.advance(MINUTE);
  expect((await scenario.runOf(eventId)).output).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it("a branch that died between its fan-in and the wake wakes its run when it comes again", async () => {
  // The first result decides; its branch dies before it says so, and the second is no news.
  const { scenario } = await fan((index) => [SECOND, 3 * SECOND][index] ?? 8 * MINUTE, "race");
  const hasDied = onceAt(scenario, tellsTheRun, "crash-before");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(10 * SECOND);
  expect(hasDied()).toBe(true);
  expect((await scenario.runOf(eventId)).head.status).toBe("Running");
  await scenario.advance(2 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe(0);
});

it("a branch that comes again after its result is there does not run again", async () => {
  let bodies = 0;
  const fn = client.createFunction({ id: "one", triggers: { event: "shop/x" } }, ({ step }) =>
    step.run({ id: "work", distributed: true }, () => (bodies += 1)),
  );
  const scenario = await start({ client, functions: [fn] });
  const hasDied = onceAt(scenario, tellsTheRun, "crash-before");
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(5 * MINUTE);
  expect(hasDied()).toBe(true);
  expect((await scenario.runOf(eventId)).output).toBe(1);
  expect(bodies).toBe(1);
});

it("a branch that no log asks for does not begin", async () => {
  let bodies = 0;
  const makes = (withBranch: boolean) =>
    client.createFunction({ id: "one", triggers: { event: "shop/x" } }, async ({ step }) => {
      const branch = withBranch ? step.run({ id: "work", distributed: true }, () => (bodies += 1)) : null;
      await step.sleep("nap", "10m");
      return branch;
    });
  const scenario = await start({ client, functions: [makes(false)] });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  await scenario.world.redeploy([makes(true)]);
  const [run = ""] = await scenario.runIds(eventId);
  // As a worker leaves it that had lost its lease when it asked for the branch.
  const message = { v: 1, run, fn: "one", why: "branch", branch: { id: "work", i: 0, attempt: 0 } };
  await sendRaw(scenario, scenario.world.stepQueueUrl, JSON.stringify(message));
  await scenario.advance(5 * MINUTE);
  expect(bodies).toBe(0);
  await scenario.advance(6 * MINUTE);
  expect(bodies).toBe(1);
  expect((await scenario.run(run)).output).toBe(1);
});

it("a branch whose message was lost with its queue is asked for again when the sweeper wakes its run", async () => {
  let bodies = 0;
  const fn = client.createFunction({ id: "one", triggers: { event: "shop/x" } }, ({ step }) =>
    step.run({ id: "work", distributed: true }, () => (bodies += 1)),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  // From the branch's message on nobody takes messages.
  let isStopped = false;
  const goOn = scenario.world.aws.faults.add(({ caller, operation, input }) => {
    if (caller.name === "worker" && operation === "SendMessage" && JSON.stringify(input).includes("branch")) {
      isStopped = true;
    }
    return isStopped && caller.name === "mapping-worker" && operation === "ReceiveMessage" ? "throttle" : undefined;
  });
  const [eventId = ""] = await scenario.send({ name: "shop/x" });
  await scenario.advance(SECOND);
  await purge(scenario, scenario.world.stepQueueUrl);
  goOn();
  expect(bodies).toBe(0);
  await scenario.advance(20 * MINUTE);
  expect((await scenario.runOf(eventId)).output).toBe(1);
});
