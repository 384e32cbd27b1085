/**
 * Goal: an asynchronous invocation is repeated as Lambda repeats it: twice after an error, for hours after a throttle.
 * Method: toy handlers that fail a number of times, on a virtual clock.
 */
import { describe, expect, it } from "vitest";
import { invokeAsynchronously } from "../../../local/lambda/asynchronous-invoke.js";
import { functionWorld } from "./world.js";

describe("invokeAsynchronously()", () => {
  it("tries twice more after one and two minutes, then gives up", async () => {
    const triedAtMs: number[] = [];
    const { target, clock } = functionWorld(() => () => {
      triedAtMs.push(clock.monotonic());
      throw new Error("down");
    });
    const givenUp: string[] = [];
    const done = invokeAsynchronously(target, {}, clock, (error) => givenUp.push(error.message));
    await clock.advance(3_600_000);
    await done;
    expect(triedAtMs).toEqual([0, 60_000, 180_000]);
    expect(givenUp).toEqual(["down"]);
  });

  it("is content with the first success", async () => {
    let tries = 0;
    const { target, clock } = functionWorld(() => () => {
      tries += 1;
      if (tries === 1) throw new Error("down");
    });
    const givenUp: string[] = [];
    const done = invokeAsynchronously(target, {}, clock, (error) => givenUp.push(error.message));
    await clock.advance(3_600_000);
    await done;
    expect([tries, givenUp]).toEqual([2, []]);
  });

  it("waits out a throttle that lasts longer than the error retries", async () => {
    const { target, clock } = functionWorld(
      () => async (event) => {
        if (event === "long") await new Promise<void>((resolve) => clock.after(1_800_000, resolve));
        return event;
      },
      { maxConcurrency: 1, timeoutMs: 3_600_000 },
    );
    const long = target.invoke("long");
    const givenUp: string[] = [];
    let done = false;
    const short = invokeAsynchronously(target, "short", clock, (error) => givenUp.push(error.message)).then(
      () => (done = true),
    );
    await clock.advance(1_700_000);
    expect(done).toBe(false);
    await clock.advance(500_000);
    await Promise.all([long, short]);
    expect([done, givenUp]).toEqual([true, []]);
  });
});
