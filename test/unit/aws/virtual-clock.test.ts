/**
 * Goal: virtual time fires everything that is due, in order, at rest in between, stands still for real work, and is quick.
 * Method: literal schedules with a trace of what fired when; real work is a `setTimeout` of a few ms inside a hold (the one
 * thing here that takes wall time, and nothing is asserted about how long).
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { realRandom, sleep } from "../../../sdk/clock.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";

const DAY_MS = 86_400_000;
const realWork = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("VirtualClock time", () => {
  it("now() and monotonic() move only by advance", async () => {
    const clock = new VirtualClock({ startMs: 1_000 });
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
    await clock.advanceTo(5_000);
    expect([clock.now(), clock.monotonic()]).toEqual([5_000, 4_000]);
  });

  it("after() fires by time, then in the order in which the timers were made", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const fired: string[] = [];
    const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`);
    clock.after(30, note("c"));
    clock.after(10, note("a1"));
    clock.after(20, note("b"));
    clock.after(10, note("a2"));
    await clock.advance(29);
    expect(fired).toEqual(["a1@10", "a2@10", "b@20"]);
    await clock.advance(1);
    expect(fired).toEqual(["a1@10", "a2@10", "b@20", "c@30"]);
    expect(clock.now()).toBe(30);
  });

  it("after() rounds up to whole milliseconds and takes nonsense as due at once", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const fired: string[] = [];
    clock.after(0.2, () => fired.push(`fraction@${clock.now()}`));
    clock.after(Number.NaN, () => fired.push(`nan@${clock.now()}`));
    clock.after(-5, () => fired.push(`negative@${clock.now()}`));
    await clock.advance(0);
    expect(fired).toEqual(["nan@0", "negative@0"]);
    await clock.advance(1);
    expect(fired).toEqual(["nan@0", "negative@0", "fraction@1"]);
  });

  it("the returned function cancels, also from inside a callback of the same instant, and only once", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const fired: string[] = [];
    const cancelSecond = (): void => cancel();
    clock.after(5, () => {
      fired.push("first");
      cancelSecond();
      cancelSecond();
    });
    const cancel = clock.after(5, () => fired.push("second"));
    await clock.advance(10);
    expect(fired).toEqual(["first"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("a chain of timers made by timers fires inside one advance", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const seen: number[] = [];
    const loop = async (): Promise<void> => {
      for (let count = 0; count < 5; count += 1) {
        await sleep(clock, 100);
        seen.push(clock.now());
      }
    };
    void loop();
    await clock.advance(450);
    expect(seen).toEqual([100, 200, 300, 400]);
  });

  it("timers of one instant fire in a drawn order with tieBreak, the same for the same seed", async () => {
    const orderOf = async (seed: number): Promise<string> => {
      const clock = new VirtualClock({ startMs: 0, tieBreak: seededRandom(seed) });
      let order = "";
      for (const name of "abcdefgh") clock.after(7, () => (order += name));
      await clock.advance(7);
      return order;
    };
    expect(await orderOf(1)).toBe(await orderOf(1));
    expect([...(await orderOf(1))].sort().join("")).toBe("abcdefgh");
    const orders = new Set(await Promise.all([1, 2, 3, 4, 5].map(orderOf)));
    expect(orders.size).toBeGreaterThan(1);
  });

  it("a callback sees the async context in which its timer was made", async () => {
    const clock = new VirtualClock();
    const context = new AsyncLocalStorage<string>();
    let seen: string | undefined;
    context.run("mine", () => clock.after(1, () => (seen = context.getStore())));
    await clock.advance(1);
    expect(seen).toBe("mine");
  });
});

describe("VirtualClock settling", () => {
  it("everything one timer caused has come to rest before the next fires", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const trace: string[] = [];
    clock.after(10, () => {
      void (async () => {
        for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
        trace.push("chain of the first ended");
      })();
    });
    clock.after(10, () => trace.push("second"));
    await clock.advance(10);
    expect(trace).toEqual(["chain of the first ended", "second"]);
  });

  it("work that hops through setImmediate and touches the clock is waited for", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    let hops = 0;
    const hop = (): void => {
      hops += 1;
      clock.touch();
      if (hops < 20) setImmediate(hop);
    };
    setImmediate(hop);
    await clock.settle();
    expect(hops).toBe(20);
  });

  it("advanceUntil() stops at the time at which the promise settled and answers as it does", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    clock.after(90, () => undefined);
    const answer = sleep(clock, 60).then(() => "done");
    expect(await clock.advanceUntil(answer, 1_000)).toBe("done");
    expect(clock.now()).toBe(60);
    const failure = sleep(clock, 10).then(() => Promise.reject(new Error("broken")));
    await expect(clock.advanceUntil(failure, 1_000)).rejects.toThrow("broken");
  });

  it("advanceUntil() fails when the limit goes by or nothing is left to wait for", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    await expect(clock.advanceUntil(sleep(clock, 500), 100)).rejects.toMatchObject({ code: "CLOCK_LIMIT_REACHED" });
    await expect(clock.advanceUntil(new Promise(() => undefined), 1_000)).rejects.toMatchObject({
      code: "CLOCK_LIMIT_REACHED",
    });
  });

  it("a second advance at the same time, and a time in the past, are refused", async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const first = clock.advance(10);
    await expect(clock.advance(5)).rejects.toMatchObject({ code: "CLOCK_ALREADY_ADVANCING" });
    await first;
    await expect(clock.advanceTo(50)).rejects.toMatchObject({ code: "CLOCK_IN_PAST" });
    await expect(clock.advance(Number.NaN)).rejects.toMatchObject({ code: "CLOCK_IN_PAST" });
    await clock.advance(0);
    expect(clock.now()).toBe(110);
  });

  it("a timer that starts itself again at once is reported, not run for ever", async () => {
    const clock = new VirtualClock();
    const again = (): void => void clock.after(0, again);
    clock.after(1, again);
    await expect(clock.advance(1)).rejects.toMatchObject({ code: "CLOCK_NEVER_SETTLES" });
  }, 30_000);
});

describe("VirtualClock holds", () => {
  it("time stands still while a hold is counted", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const hold = clock.hold();
    const seen: number[] = [];
    clock.after(1_000, () => undefined);
    hold.resume();
    hold.run(() => void realWork(5).then(() => (seen.push(clock.now()), hold.pause())));
    await clock.advance(5_000);
    expect(seen).toEqual([0]);
    expect(clock.now()).toBe(5_000);
  });

  it("a new hold is paused and holds nothing", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    clock.hold();
    await clock.advance(10);
    expect(clock.now()).toBe(10);
  });

  it("a virtual wait made inside a hold suspends it, however deep, and counts it again afterwards", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const hold = clock.hold();
    const seen: string[] = [];
    const work = async (): Promise<void> => {
      await realWork(2);
      seen.push(`real work ended @${clock.now()}`);
      await Promise.resolve().then(() => sleep(clock, 300));
      seen.push(`virtual wait ended @${clock.now()}`);
      await realWork(2);
      seen.push(`more real work ended @${clock.now()}`);
      hold.pause();
    };
    hold.resume();
    hold.run(() => void work());
    clock.after(301, () => seen.push(`next timer @${clock.now()}`));
    await clock.advance(1_000);
    expect(seen).toEqual([
      "real work ended @0",
      "virtual wait ended @300",
      "more real work ended @300",
      "next timer @301",
    ]);
  });

  it("cancelling the only virtual wait inside a hold counts the hold again", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const hold = clock.hold();
    hold.resume();
    const cancel = hold.run(() => clock.after(100, () => undefined));
    const seen: number[] = [];
    setImmediate(() => {
      cancel();
      void realWork(3).then(() => (seen.push(clock.now()), hold.pause()));
    });
    clock.after(50, () => seen.push(clock.now()));
    await clock.settle();
    await clock.advance(60);
    expect(seen).toEqual([0, 50]);
  });

  it("timers made outside a hold's run do not suspend it", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const hold = clock.hold();
    hold.resume();
    const seen: string[] = [];
    clock.after(10, () => seen.push("timer"));
    void realWork(3).then(() => (seen.push("real work"), hold.pause()));
    await clock.advance(10);
    expect(seen).toEqual(["real work", "timer"]);
  });
});

describe("VirtualClock speed", () => {
  it("300 days with a timer each day fire each daily timer once", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    let days = 0;
    const daily = (): void => {
      days += 1;
      clock.after(DAY_MS, daily);
    };
    clock.after(DAY_MS, daily);
    await clock.advance(300 * DAY_MS);
    expect(days).toBe(300);
  });

  it("50,000 timers, half of them cancelled, fire in order", async () => {
    const seed = Math.floor(realRandom.unit() * 2 ** 32);
    console.info(`virtual-clock heap seed ${seed}`);
    const random = seededRandom(seed);
    const clock = new VirtualClock({ startMs: 0 });
    let last = 0;
    let fired = 0;
    const cancels: (() => void)[] = [];
    for (let count = 0; count < 50_000; count += 1) {
      const cancel = clock.after(Math.floor(random.unit() * 1_000_000), () => {
        expect(clock.now() >= last, `seed ${seed}`).toBe(true);
        last = clock.now();
        fired += 1;
      });
      if (count % 2 === 0) cancels.push(cancel);
    }
    for (const cancel of cancels) cancel();
    expect(clock.pendingTimers).toBe(25_000);
    await clock.advance(1_000_000);
    expect(fired).toBe(25_000);
  });
});
