/**
 * Goal: a distributed step knows when its place has come to its end, whatever kept its beats from getting through; and what other
 * hands have written beside the places of a limit holds up nobody.
 * Method: the places of one step are taken and extended by hand, in virtual time; items are put into the table by hand.
 */
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { stepHash } from "../../runtime/core/ids.js";
import { BranchSlots } from "../../runtime/flow/branch-slots.js";
import { hashesOf } from "../../runtime/flow/limits-of-run.js";
import { slotPartition, slotSortKey } from "../../runtime/state/keys.js";
import { events, Floor, leftOver, statuses } from "./floor.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });

it("the place of a distributed step ends a minute after it was last put off, and the step is told", async () => {
  const fn = client.createFunction({ id: "fn", triggers: { event: "shop/go" }, concurrency: 1 }, ({ step }) =>
    step.sleep("nap", "1h"),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send(...events(1));
  await scenario.advance(5 * SECOND);
  const { head } = await scenario.run((await scenario.runIds(eventId))[0] ?? "");
  const slots = new BranchSlots(scenario.world.services("worker"), {
    head,
    config: fn.config,
    wake: { v: 1, run: head.runId, fn: "fn", why: "branch", branch: { id: "s", i: 0, attempt: 0 } },
    opHash: stepHash("s", 0),
    stepQueueUrl: "",
    mayHave: false,
  });
  expect(await slots.take()).toBe("held");
  await scenario.advance(50 * SECOND);
  await slots.extend();
  await scenario.advance(59 * SECOND);
  expect(slots.lost.aborted).toBe(false);
  await scenario.advance(2 * SECOND);
  expect(slots.lost.aborted).toBe(true);
  await slots.giveBack();
  expect(await leftOver(scenario, [eventId])).toEqual([]);
});

it("a place that other hands have written, of no run there could be, is freed by those who wait", async () => {
  const floor = new Floor();
  const fn = client.createFunction({ id: "fn", triggers: { event: "shop/go" }, concurrency: 1 }, ({ step }) =>
    step.run("work", () => floor.work("work", SECOND)),
  );
  const scenario = await start({ client, functions: [fn], sweeper: true });
  floor.scenario = scenario;
  const [first = ""] = await scenario.send(...events(1));
  await scenario.advance(2 * SECOND);
  const { head } = await scenario.run((await scenario.runIds(first))[0] ?? "");
  const { clients, settings } = scenario.world.services("outsider");
  const pk = { S: slotPartition("shop", hashesOf(head)[0] ?? "") };
  const forged = { pk, sk: { S: slotSortKey(0) }, run: { S: "nobody" }, stamp: { S: "forged" } };
  await clients.dynamodb.send(new PutItemCommand({ TableName: settings.tableName, Item: forged }));
  const [second = ""] = await scenario.send(...events(1));
  await scenario.advance(MINUTE);
  expect(await statuses(scenario, [second])).toEqual(["Queued"]);
  await scenario.advance(HOUR);
  expect(await statuses(scenario, [first, second])).toEqual(["Completed", "Completed"]);
  expect(await leftOver(scenario, [first, second])).toEqual([]);
});
