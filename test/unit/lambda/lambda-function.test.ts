/**
 * Goal: a function starts, reuses, limits, kills and replaces its sandboxes as Lambda does.
 * Method: in-process sandboxes with toy handlers on a virtual clock; each rule is one story.
 */
import { describe, expect, it } from "vitest";
import { sleep } from "../../../sdk/clock.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { inProcessSandboxes } from "../../../local/lambda/in-process-sandbox.js";
import { LambdaFunction } from "../../../local/lambda/lambda-function.js";
import { functionWorld, gate } from "./world.js";

describe("LambdaFunction.invoke()", () => {
  it("hands the event over as JSON and gives the result back as JSON", async () => {
    const { target } = functionWorld(() => (event) => ({ got: event, at: new Date(0), gone: undefined }));
    const result = await target.invoke({ a: 1, dropped: undefined });
    expect(result).toEqual({ got: { a: 1 }, at: "1970-01-01T00:00:00.000Z" });
  });

  it("gives null for a handler that returns nothing", async () => {
    const { target } = functionWorld(() => () => undefined);
    expect(await target.invoke({})).toBeNull();
  });

  it("gives the handler Lambda's context", async () => {
    const { target, clock } = functionWorld(() => async (_event, context) => {
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      const { functionName, memoryLimitInMB, invokedFunctionArn, awsRequestId } = context;
      return {
        functionName,
        memoryLimitInMB,
        invokedFunctionArn,
        isUuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(awsRequestId),
        leftMs: context.getRemainingTimeInMillis(),
      };
    });
    const result = target.invoke({});
    await clock.advance(1_000);
    expect(await result).toEqual({
      functionName: "worker",
      memoryLimitInMB: "512",
      invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:worker",
      isUuid: true,
      leftMs: 2_000,
    });
  });

  it("reuses a warm sandbox and starts another only for a second invocation at the same time", async () => {
    const { handler, open } = gate();
    const { target, started, clock } = functionWorld(() => handler);
    const first = target.invoke(1);
    await clock.settle();
    open("one");
    expect(await first).toBe("one");
    const both = [target.invoke(2), target.invoke(3)];
    await clock.settle();
    open("two");
    open("three");
    expect(await Promise.all(both)).toEqual(["two", "three"]);
    expect(started).toEqual(["worker-1", "worker-2"]);
  });

  it("waits for one of two busy sandboxes before it starts a third, where that is asked for", async () => {
    const clock = new VirtualClock();
    const started: string[] = [];
    const sandboxes = inProcessSandboxes({
      clock,
      createHandler: (id) => {
        started.push(id);
        return (ms) => sleep(clock, Number(ms)).then(() => id);
      },
    });
    const settings = { name: "worker", timeoutMs: 60_000, memoryMb: 512, maxConcurrency: 10 };
    const target = new LambdaFunction(settings, { clock, random: seededRandom(1), sandboxes, startAfterMs: 150 });
    const short = Promise.all([100, 100, 100].map((ms) => target.invoke(ms)));
    await clock.advance(1_000);
    expect(await short).toEqual(["worker-1", "worker-2", "worker-1"]);
    const long = Promise.all([500, 500, 500].map((ms) => target.invoke(ms)));
    await clock.advance(1_000);
    expect((await long).slice(2)).toEqual(["worker-3"]);
    expect(started).toEqual(["worker-1", "worker-2", "worker-3"]);
  });

  it("keeps the sandbox of a handler that threw, and names the handler's error", async () => {
    const { target, started } = functionWorld(() => () => {
      throw new TypeError("no such thing");
    });
    const error = { failure: "handler", errorType: "TypeError", message: "no such thing" };
    await expect(target.invoke({})).rejects.toMatchObject(error);
    await expect(target.invoke({})).rejects.toMatchObject(error);
    expect(started).toEqual(["worker-1"]);
  });

  it("throttles beyond the concurrency and runs again once one is done", async () => {
    const { handler, open } = gate();
    const { target, clock } = functionWorld(() => handler, { maxConcurrency: 1 });
    const first = target.invoke(1);
    await expect(target.invoke(2)).rejects.toMatchObject({
      failure: "throttled",
      errorType: "TooManyRequestsException",
    });
    await clock.settle();
    open();
    await first;
    const third = target.invoke(3);
    await clock.settle();
    open("third");
    expect(await third).toBe("third");
  });

  it("kills the sandbox at the timeout, and the next invocation gets a new one", async () => {
    const { handler, open } = gate();
    const { target, clock, started, killed } = functionWorld(() => handler);
    const slow = target.invoke({});
    const rejection = expect(slow).rejects.toMatchObject({
      failure: "timeout",
      errorType: "Sandbox.Timedout",
      message: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 3\.00 seconds$/),
    });
    await clock.advance(2_999);
    expect(killed).toEqual([]);
    await clock.advance(1);
    await rejection;
    expect(killed).toEqual(["worker-1"]);
    open();
    const next = target.invoke({});
    await clock.settle();
    open("new");
    expect(await next).toBe("new");
    expect(started).toEqual(["worker-1", "worker-2"]);
  });

  it("answers Runtime.ExitError when the sandbox dies, though the handler's promise never settles", async () => {
    const { target, clock, crash, started } = functionWorld(() => () => new Promise(() => undefined));
    const lost = target.invoke({});
    await clock.settle();
    crash("worker-1");
    await expect(lost).rejects.toMatchObject({ failure: "exit", errorType: "Runtime.ExitError" });
    const next = target.invoke({});
    await clock.settle();
    expect(started).toEqual(["worker-1", "worker-2"]);
    crash("worker-2");
    await expect(next).rejects.toMatchObject({ failure: "exit" });
  });

  it("does not use a sandbox again that died while idle", async () => {
    const { target, crash, started } = functionWorld(() => () => "ok");
    await target.invoke({});
    crash("worker-1");
    await target.invoke({});
    expect(started).toEqual(["worker-1", "worker-2"]);
  });

  it("ends a sandbox after the response when the handler asked for it", async () => {
    const { target, started, killed } = functionWorld((sandboxId) => (_event, context) => {
      if (sandboxId === "worker-1") context.retire?.();
      return sandboxId;
    });
    expect(await target.invoke({})).toBe("worker-1");
    expect(killed).toEqual(["worker-1"]);
    expect(await target.invoke({})).toBe("worker-2");
    expect(await target.invoke({})).toBe("worker-2");
    expect(started).toEqual(["worker-1", "worker-2"]);
  });

  it("refuses an event over 6 MB and a result over 6 MB", async () => {
    const { target } = functionWorld(() => () => "x".repeat(6_291_557));
    await expect(target.invoke("x".repeat(6_291_557))).rejects.toMatchObject({
      errorType: "RequestEntityTooLargeException",
    });
    await expect(target.invoke({})).rejects.toMatchObject({ errorType: "Function.ResponseSizeTooLarge" });
  });

  it("answers Runtime.MarshalError for a result JSON cannot hold", async () => {
    const { target } = functionWorld(() => () => 1n);
    await expect(target.invoke({})).rejects.toMatchObject({ errorType: "Runtime.MarshalError" });
  });

  it("rejects as init when the code cannot be loaded, and tries again next time", async () => {
    let loads = 0;
    const { target } = functionWorld(() => {
      loads += 1;
      if (loads === 1) throw new SyntaxError("Unexpected token");
      return () => "loaded";
    });
    await expect(target.invoke({})).rejects.toMatchObject({ failure: "init", errorType: "SyntaxError" });
    expect(await target.invoke({})).toBe("loaded");
  });

  it("reports each invocation with its duration, cold start and error", async () => {
    const { target, clock, reports } = functionWorld(() => async (event) => {
      await new Promise<void>((resolve) => clock.after(250, resolve));
      if (event === "bad") throw new RangeError("bad");
    });
    const good = target.invoke("good");
    await clock.advance(250);
    await good;
    const bad = expect(target.invoke("bad")).rejects.toThrow("bad");
    await clock.advance(250);
    await bad;
    expect(reports.map(({ coldStart, durationMs, error }) => [coldStart, durationMs, error?.errorType])).toEqual([
      [true, 250, undefined],
      [false, 250, "RangeError"],
    ]);
  });
});

describe("LambdaFunction.warm()", () => {
  it("has one sandbox ready, once, and the first invocation finds it", async () => {
    const { target, started, reports } = functionWorld(() => () => "ok");
    await target.warm();
    await target.warm();
    expect(started).toEqual(["worker-1"]);
    expect(await target.invoke({})).toBe("ok");
    expect(reports.map(({ sandboxId, coldStart }) => [sandboxId, coldStart])).toEqual([["worker-1", false]]);
  });

  it("leaves it to the first invocation to tell what is wrong", async () => {
    const { target } = functionWorld(() => {
      throw new SyntaxError("Unexpected token");
    });
    await target.warm();
    await expect(target.invoke({})).rejects.toMatchObject({ failure: "init", errorType: "SyntaxError" });
  });
});

describe("LambdaFunction.replaceCode()", () => {
  it("lets a running invocation finish in the old code and starts the next in the new", async () => {
    const { handler, open } = gate();
    const { target, clock, killed } = functionWorld(() => handler);
    const old = target.invoke({});
    await clock.settle();
    const other = functionWorld(() => () => "new code");
    target.replaceCode(async (sandboxId) => ({
      id: sandboxId,
      invoke: async () => ({ resultJson: JSON.stringify(await other.target.invoke({})), retire: false }),
      kill: () => undefined,
      onDeath: () => () => undefined,
    }));
    expect(await target.invoke({})).toBe("new code");
    expect(killed).toEqual([]);
    open("old code");
    expect(await old).toBe("old code");
    expect(killed).toEqual(["worker-1"]);
    expect(await target.invoke({})).toBe("new code");
  });
});

describe("LambdaFunction.stop()", () => {
  it("gives what runs a moment, then ends it", async () => {
    const { handler } = gate();
    const { target, clock, killed } = functionWorld(() => handler);
    const running = target.invoke({});
    const rejection = expect(running).rejects.toMatchObject({ failure: "exit" });
    await clock.settle();
    const stopped = target.stop(2_000);
    await clock.advance(1_999);
    expect(killed).toEqual([]);
    await clock.advance(1);
    await stopped;
    await rejection;
    expect(killed).toEqual(["worker-1"]);
    await expect(target.invoke({})).rejects.toMatchObject({ failure: "throttled" });
  });

  it("does not wait longer than what runs", async () => {
    const { handler, open } = gate();
    const { target, clock, killed } = functionWorld(() => handler);
    const running = target.invoke({});
    await clock.settle();
    const stopped = target.stop(2_000);
    open("done");
    expect(await running).toBe("done");
    await stopped;
    expect(killed).toEqual(["worker-1"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends a sandbox that was still starting", async () => {
    const clock = new VirtualClock();
    const killed: string[] = [];
    let started: () => void = () => undefined;
    const target = new LambdaFunction(
      { name: "worker", timeoutMs: 3_000, memoryMb: 512, maxConcurrency: 1 },
      {
        clock,
        random: seededRandom(7),
        sandboxes: async (id) => {
          await new Promise<void>((resolve) => (started = resolve));
          return {
            id,
            invoke: async () => ({ resultJson: "1", retire: false }),
            kill: () => void killed.push(id),
            onDeath: () => () => undefined,
          };
        },
      },
    );
    const lost = expect(target.invoke({})).rejects.toMatchObject({ failure: "exit" });
    await target.stop(0);
    started();
    await lost;
    expect(killed).toEqual(["worker-1"]);
  });
});

describe("idle sandboxes", () => {
  it("are ended after the idle time, except the last", async () => {
    const { handler, open } = gate();
    const { target, clock, killed } = functionWorld(() => handler, {}, 60_000);
    const three = [target.invoke(1), target.invoke(2), target.invoke(3)];
    await clock.settle();
    for (const _ of three) open();
    await Promise.all(three);
    await clock.advance(59_999);
    expect(killed).toEqual([]);
    await clock.advance(1);
    expect(killed).toEqual(["worker-1", "worker-2"]);
    await clock.advance(600_000);
    expect(killed).toEqual(["worker-1", "worker-2"]);
  });
});
