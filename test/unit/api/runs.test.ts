/**
 * Goal: one run is shown as it is, and cancelled exactly once, whatever happens beside it.
 * Method: heads written through the stores; literal answers; races made with the fault switch.
 */
import { CreateScheduleCommand, GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { GetObjectTaggingCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunStore } from "../../../runtime/state/run-store.js";
import { createWorld, eventId, NOW_MS, runId, type World } from "./world.js";

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

const queued = {
  id: runId(1),
  functionId: "checkout",
  appId: "shop",
  eventId: eventId(1),
  status: "Queued",
  output: null,
  error: null,
  reason: null,
  queuedAt: "2026-03-10T12:00:00.000Z",
  startedAt: null,
  endedAt: null,
};

describe("GET /api/v1/runs/:id", () => {
  it("shows a run through its life", async () => {
    const id = await world.createRun(1);
    expect((await world.ask(`/api/v1/runs/${id}`)).body).toEqual({ data: queued });
    await world.clock.advance(1_500);
    await world.claim(id);
    const running = { ...queued, status: "Running", startedAt: "2026-03-10T12:00:01.500Z" };
    expect((await world.ask(`/api/v1/runs/${id}`)).body).toEqual({ data: running });
    await world.clock.advance(2_000);
    await world.complete(id, { paid: true, items: [1, "two", null] });
    expect((await world.ask(`/api/v1/runs/${id}`)).body).toEqual({
      data: {
        ...running,
        status: "Completed",
        output: { paid: true, items: [1, "two", null] },
        endedAt: "2026-03-10T12:00:03.500Z",
      },
    });
  });

  it("shows the error of a failed run and no output", async () => {
    const id = await world.createRun(1);
    await world.claim(id);
    await world.fail(id, { name: "CardError", message: "declined", code: "card_declined" });
    expect((await world.ask(`/api/v1/runs/${id}`)).body.data).toMatchObject({
      status: "Failed",
      output: null,
      error: { name: "CardError", message: "declined", code: "card_declined" },
    });
  });

  it("answers NOT_FOUND for a well-formed id nobody has", async () => {
    const reply = await world.ask(`/api/v1/runs/${runId(404)}`);
    expect(reply.status).toBe(404);
    expect(reply.body.error?.message).toBe(
      'Cannot find run "shop_00000000000000000000000404": there is none; expected one that exists',
    );
  });

  it.each([
    ["compressed in place", "a".repeat(50_000)],
    ["in S3", noise(60_000)],
  ])("shows a whole output that is kept %s", async (_where, output) => {
    const id = await world.createRun(1);
    await world.claim(id);
    await world.complete(id, output);
    expect((await world.ask(`/api/v1/runs/${id}`)).body.data).toMatchObject({ status: "Completed", output });
  });

  it("shows an output of 4 MB, and leaves out one that a response cannot carry, saying so", async () => {
    const [large, tooLarge] = [await world.createRun(1), await world.createRun(2)];
    await world.claim(large);
    await world.claim(tooLarge);
    await world.complete(large, "a".repeat(4 * 1024 * 1024 - 2));
    // Each quote takes two bytes in a response: 4 MB of JSON become 8.
    await world.complete(
      tooLarge,
      Array.from({ length: 1_400_000 }, () => ""),
    );
    const shownRun = await world.ask(`/api/v1/runs/${large}`);
    expect(shownRun.body.data).toMatchObject({ output: "a".repeat(4 * 1024 * 1024 - 2) });
    expect(shownRun.body.data).not.toHaveProperty("outputOmitted");
    const omitted = await world.ask(`/api/v1/runs/${tooLarge}`);
    expect(omitted.status).toBe(200);
    expect(omitted.body.data).toMatchObject({ status: "Completed", output: null, outputOmitted: true });
  });
});

describe("DELETE /api/v1/runs/:id", () => {
  const cancel = (id: string) => world.ask(`/api/v1/runs/${id}`, { method: "DELETE" });

  it("cancels a queued run, and answers the same when asked again", async () => {
    const id = await world.createRun(1);
    await world.clock.advance(5_000);
    const reason = {
      code: "CANCELLED_BY_REQUEST",
      message: `Cannot go on with run "${id}": it was cancelled through the API; expected a run that nobody cancels`,
    };
    const cancelled = { ...queued, status: "Cancelled", reason, endedAt: "2026-03-10T12:00:05.000Z" };
    expect(await cancel(id)).toMatchObject({ status: 200, body: { data: cancelled } });
    await world.clock.advance(5_000);
    const again = await cancel(id);
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ data: cancelled });
    expect((await world.ask(`/api/v1/runs/${id}`)).body).toEqual({ data: cancelled });
  });

  it("costs a read, a write, telling of it and noting that it is told; a read when there is nothing left to do", async () => {
    const id = await world.createRun(1);
    const before = world.aws.faults.calls;
    await cancel(id);
    expect(world.aws.faults.calls - before).toBe(4);
    await cancel(id);
    expect(world.aws.faults.calls - before).toBe(5);
  });

  it("takes the lease of a turn under way with the same write", async () => {
    const id = await world.createRun(1);
    const epoch = await world.claim(id);
    expect((await cancel(id)).status).toBe(200);
    const runs = new RunStore(world.services);
    const late = await runs.beat(id, epoch, { leaseUntilMs: NOW_MS + 40_000 });
    expect(late.done).toBe(false);
    expect((await runs.get(id))?.head).toMatchObject({ status: "Cancelled", epoch: 2, leaseUntilMs: 0 });
  });

  it("answers RUN_ENDED with the status of a run that ended otherwise", async () => {
    const completed = await world.createRun(1);
    await world.claim(completed);
    await world.complete(completed, 7);
    const failed = await world.createRun(2);
    await world.claim(failed);
    await world.fail(failed, { name: "Error", message: "no" });
    const reply = await cancel(completed);
    expect(reply.status).toBe(409);
    expect(reply.body.error).toEqual({
      code: "RUN_ENDED",
      message: `Cannot cancel run "${completed}": it is Completed; expected a run that is Queued or Running`,
      remedy: "Nothing is left to cancel: read the run to see how it ended.",
    });
    expect((await cancel(failed)).body.error?.message).toContain("it is Failed");
    expect((await world.ask(`/api/v1/runs/${completed}`)).body.data).toMatchObject({ status: "Completed", output: 7 });
  });

  it("answers NOT_FOUND for a run nobody has", async () => {
    expect((await cancel(runId(404))).status).toBe(404);
  });

  it("answers RUN_ENDED when the run's own end comes between the read and the cancel", async () => {
    const id = await world.createRun(1);
    await world.claim(id);
    const asking = beforeNextUpdate(
      world,
      () => world.complete(id, "won"),
      () => cancel(id),
    );
    const reply = await world.clock.advanceUntil(asking, 60_000);
    expect(reply.status).toBe(409);
    expect((await world.ask(`/api/v1/runs/${id}`)).body.data).toMatchObject({ status: "Completed", output: "won" });
  });

  it("answers 200 when two cancels meet, and when its own answer was lost", async () => {
    const id = await world.createRun(1);
    const replies = await Promise.all([cancel(id), cancel(id)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    const other = await world.createRun(2);
    const next = world.aws.faults.calls + 2;
    world.aws.faults.add((call) => (call.index === next ? "lost" : undefined));
    const lost = await world.clock.advanceUntil(cancel(other), 60_000);
    expect(lost).toMatchObject({ status: 200, body: { data: { status: "Cancelled" } } });
    expect((await new RunStore(world.services).get(other))?.head.epoch).toBe(1);
  });

  it("removes the schedule of a sleeping run and leaves nothing due", async () => {
    const id = await sleepingRun(world, 1);
    expect((await cancel(id)).status).toBe(200);
    await expect(schedule(world, "timer-1")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    expect((await new RunStore(world.services).get(id))?.head).toMatchObject({ effects: [], dueAtMs: null });
  });

  it("answers 200 when the effects fail, and leaves them due", async () => {
    const id = await sleepingRun(world, 1);
    const remove = world.aws.faults.add((call) => (call.service === "scheduler" ? "throttle" : undefined));
    const reply = await world.clock.advanceUntil(cancel(id), 60_000);
    expect(reply).toMatchObject({ status: 200, body: { data: { status: "Cancelled" } } });
    const { head } = (await new RunStore(world.services).get(id)) ?? {};
    expect(head).toMatchObject({ status: "Cancelled", effects: ["timer", "waiters", "announce"] });
    expect(head?.dueAtMs).not.toBeNull();
    // Asked again, it tries again.
    remove();
    expect((await cancel(id)).status).toBe(200);
    await expect(schedule(world, "timer-1")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("removes the timer of a turn that parked between the read and the cancel", async () => {
    const id = await world.createRun(1);
    const asking = beforeNextUpdate(
      world,
      () => park(world, id, "timer-1"),
      () => cancel(id),
    );
    expect((await world.clock.advanceUntil(asking, 60_000)).status).toBe(200);
    await expect(schedule(world, "timer-1")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("marks payloads for removal, those of a turn under way included", async () => {
    const id = await world.createRun(1);
    await world.claim(id);
    const done = { k: "done", kind: "run", id: "fetch", i: 0, a: 1, ok: noise(60_000), fromMs: 0, atMs: 0 } as const;
    await world.append(id, 1, 1, [done]);
    expect((await cancel(id)).status).toBe(200);
    const tags = await world.services.clients.s3.send(
      new GetObjectTaggingCommand({ Bucket: "perdure-payloads", Key: `runs/${id}/1-1-0` }),
    );
    expect(tags.TagSet).toEqual([{ Key: "perdure", Value: "ended" }]);
  });
});

/** Text that does not compress: a linear congruence, its high digits in base 36. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * 36).toString(36);
  }).join("");
}

async function park(target: World, id: string, timer: string): Promise<void> {
  const epoch = await target.claim(id);
  const atMs = NOW_MS + 30 * 86_400_000;
  await target.services.clients.scheduler.send(
    new CreateScheduleCommand({
      Name: timer,
      GroupName: "perdure",
      ScheduleExpression: "at(2026-04-09T12:00:00)",
      ScheduleExpressionTimezone: "UTC",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: target.services.settings.eventsQueueArn,
        RoleArn: "arn:aws:iam::000000000000:role/r",
        Input: "{}",
      },
    }),
  );
  const release = { logged: 0, crashes: 0, objects: 0, dueAtMs: atMs, ttlSeconds: atMs / 1_000 };
  await new RunStore(target.services).release(id, epoch, 0, { ...release, timer: { name: timer, atMs } });
}

async function sleepingRun(target: World, number: number): Promise<string> {
  const id = await target.createRun(number);
  await park(target, id, "timer-1");
  return id;
}

function schedule(target: World, name: string): Promise<unknown> {
  return target.services.clients.scheduler.send(new GetScheduleCommand({ Name: name, GroupName: "perdure" }));
}

/** Runs `ask`; once its next write to a head is on the way, `meanwhile` happens first. */
async function beforeNextUpdate<T>(target: World, meanwhile: () => Promise<void>, ask: () => Promise<T>): Promise<T> {
  let reached: () => void = () => undefined;
  const onTheWay = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const remove = target.aws.faults.add((call) => {
    if (call.operation !== "UpdateItem") return undefined;
    remove();
    reached();
    return { freezeMs: 1_000 };
  });
  const asking = ask();
  await onTheWay;
  await meanwhile();
  return asking;
}
