/**
 * Goal: what workers leave of the places of distributed steps, because they die between two calls or because a race was decided
 * meanwhile, stands in nobody's way for ever.
 * Method: the whole platform in virtual time; a worker dies at the one call at which the worlds of `npm run prove` found it out.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { TimeStr } from "../../sdk/duration.js";
import { RetryAfterError } from "../../sdk/errors.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { stepHash } from "../../runtime/core/ids.js";
import { hashesOf } from "../../runtime/flow/limits-of-run.js";
import { SlotStore } from "../../runtime/state/slot-store.js";
import type { AwsCall } from "../../local/aws/call.js";
import { cancelRunOf, events, Floor, leftOver, statuses } from "./floor.js";
import { onceAt } from "./hands.js";
import { scenarios } from "./started.js";
import { DAY, HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

const isGivenBack = ({ caller, operation, input }: AwsCall): boolean =>
  caller.name === "worker" && operation === "DeleteItem" && /#SLOT#.*"A#/.test(JSON.stringify(input));

/** The n-th place that is given back. */
function atGiveBack(n: number): (call: AwsCall) => boolean {
  let count = 0;
  return (call) => isGivenBack(call) && (count += 1) === n;
}

it("steps that need two places, and whose workers die between giving back the one and the other, wait for none in a circle", async () => {
  const floor = new Floor();
  const [quick = "", slow = ""] = ["a", "b"].toSorted((one, other) => (stepHash(one, 0) < stepHash(other, 0) ? -1 : 1));
  let attempts = 0;
  const fn = client.createFunction(
    {
      id: "fn",
      triggers: { event: "shop/go" },
      parallel: "distributed",
      concurrency: [{ limit: 1 }, { limit: 1, key: "event.data.n" }],
    },
    ({ step }) =>
      Promise.all([
        step.run(slow, () => floor.work(slow, 10 * SECOND)),
        // It stands before the other one in the queue, and comes there while the other one works.
        step.run(quick, () => {
          attempts += 1;
          if (attempts === 1) throw new RetryAfterError("not yet", 5 * SECOND);
          return floor.work(quick, SECOND);
        }),
      ]),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  // The turn has given back two by then, and so has the first attempt of the quick one.
  const died = onceAt(scenario, atGiveBack(5), "crash-after");
  const ids = await scenario.send(...events(1));
  await scenario.advance(12 * SECOND);
  expect([died(), floor.order]).toEqual([true, [slow]]);
  await scenario.advance(HOUR);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
  expect(floor.most.get("all")).toBe(1);
});

it("a step that waits for its second place has its run ask who has it, which itself waits for the first", async () => {
  const floor = new Floor();
  let attempts = 0;
  const fn = client.createFunction(
    {
      id: "fans",
      triggers: { event: "shop/go" },
      concurrency: [
        { limit: 1, key: "event.data.n" },
        { limit: 1, key: "'all'", scope: "app" },
      ],
    },
    ({ step }) =>
      step.run({ id: "far", distributed: true }, () => {
        attempts += 1;
        if (attempts === 1) throw new RetryAfterError("not yet", MINUTE);
        return floor.work("far", SECOND);
      }),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(1));
  await scenario.advance(SECOND);
  expect(attempts).toBe(1);
  // Left by a run that is no more.
  const [, shared = ""] = hashesOf((await scenario.runOf(ids[0] ?? "")).head);
  const store = new SlotStore(scenario.world.services("outsider"), "shop", shared);
  expect(await store.take(0, { run: "nobody", seat: "a", fn: "fans" })).not.toBeNull();
  await scenario.advance(2 * MINUTE);
  expect(await leftOver(scenario, ids)).toHaveLength(3);
  await scenario.advance(HOUR);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

const race = (floor: Floor, soon: TimeStr, rest: TimeStr): PerdureFunction<never> =>
  client.createFunction(
    { id: "race", triggers: { event: "shop/go" }, parallel: "distributed", concurrency: 1 },
    async ({ step, group }) => {
      await group.race([
        () => Promise.all(["a", "b", "c", "d"].map((name) => step.run(name, () => floor.work(name, 10 * SECOND)))),
        () => step.sleep("soon", soon),
      ]);
      await step.sleep("rest", rest);
    },
  );

it("a run's turn goes before its distributed steps in a queue: what it decides may make them needless", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [race(floor, "2s", "100ms")] });
  floor.scenario = scenario;
  const ids = await scenario.send(...events(1));
  await scenario.advance(11 * SECOND);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
  await scenario.advance(HOUR);
  expect(floor.order).toHaveLength(1);
});

it("steps that lost a race are not given places one after the other once their run has ended", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [race(floor, "300ms", "100ms")] });
  floor.scenario = scenario;
  const given: unknown[] = [];
  scenario.world.aws.faults.add(({ operation, input }) => {
    if (operation === "SendMessage" && String(input["MessageBody"]).includes('"why":"slot"')) given.push(input);
    return undefined;
  });
  const ids = await scenario.send(...events(1));
  await scenario.advance(HOUR);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(await leftOver(scenario, ids)).toEqual([]);
  expect(floor.order).toEqual([]);
  // The turn gives its place back, and on, before it ends its run.
  expect(given).toHaveLength(1);
});

it("a queue goes on when a worker dies as it lets go of the place of a step that lost a race", async () => {
  const floor = new Floor();
  const scenario = await start({ client, functions: [race(floor, "2s", "10d")] });
  floor.scenario = scenario;
  // The turn's own, and that of the step that works; the third was given to one that is not asked for any more.
  const died = onceAt(scenario, atGiveBack(3), "crash-after");
  const ids = await scenario.send(...events(1));
  await scenario.advance(HOUR);
  expect(died()).toBe(true);
  expect(await leftOver(scenario, ids)).toEqual([]);
  await scenario.advance(11 * DAY);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
});

it("a place whose worker died as its run ended is given back once it can be at work no more", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency: 2 },
    async ({ step, group }) =>
      void (await group.race([
        () => step.run({ id: "far", distributed: true }, () => floor.work("far", HOUR)),
        () => step.sleep("soon", 2 * SECOND),
      ])),
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const isBeat = ({ caller, operation }: AwsCall): boolean =>
    caller.name === "worker" && operation === "ChangeMessageVisibility" && floor.order.length > 0;
  const died = onceAt(scenario, isBeat, "crash-before");
  const ids = await scenario.send(...events(1));
  await scenario.advance(10 * SECOND);
  expect(died()).toBe(true);
  expect(await statuses(scenario, ids)).toEqual(["Completed"]);
  expect(await leftOver(scenario, ids)).toHaveLength(1);
  await scenario.advance(3 * MINUTE);
  expect(await leftOver(scenario, ids)).toEqual([]);
});

it("a distributed step that queues as its run ends does not stay in the queue", async () => {
  const floor = new Floor();
  const fn = client.createFunction(
    { id: "fn", triggers: { event: "shop/go" }, concurrency: 1, parallel: "distributed" },
    ({ step }) => Promise.all(["a", "b"].map((name) => step.run(name, () => floor.work(name, 25 * SECOND)))),
  );
  const scenario = await start({ client, functions: [fn] });
  floor.scenario = scenario;
  const isTicket = ({ operation, input }: AwsCall): boolean =>
    operation === "PutItem" && /"Q#.*"seat":\{"S":"b/.test(JSON.stringify(input));
  const frozen = onceAt(scenario, isTicket, { freezeMs: 15 * SECOND });
  const ids = await scenario.send(...events(1));
  await scenario.advance(SECOND);
  const [runId = ""] = await scenario.runIds(ids[0] ?? "");
  expect(frozen()).toBe(true);
  await cancelRunOf(scenario, ids[0] ?? "");
  // Another run has the place by the time the ticket is put.
  ids.push(...(await scenario.send(...events(1))));
  await scenario.advance(20 * SECOND);
  expect(await statuses(scenario, ids)).toEqual(["Cancelled", "Running"]);
  expect((await leftOver(scenario, ids)).filter((seat) => seat.startsWith(runId))).toEqual([]);
});
