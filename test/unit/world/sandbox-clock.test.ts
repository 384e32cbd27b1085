/**
 * Goal: a sandbox's clock is the world's, but for what may be wrong with it: it is ahead, it stands still, it is dead.
 * Method: a virtual clock beneath, literal times.
 */
import { expect, it } from "vitest";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { SandboxClock } from "../../../local/world/sandbox-clock.js";

const START_MS = 1_000_000;

function fixture(skewMs?: number): { world: VirtualClock; clock: SandboxClock; fired: number[] } {
  const world = new VirtualClock({ startMs: START_MS });
  return { world, clock: new SandboxClock(world, skewMs), fired: [] };
}

it("is ahead or behind by its skew; how long things take is not touched by it", async () => {
  const { world, clock, fired } = fixture(-700);
  expect([clock.now(), clock.monotonic()]).toEqual([999_300, 0]);
  clock.after(50, () => fired.push(world.monotonic()));
  await world.advance(100);
  expect([clock.now(), clock.monotonic()]).toEqual([999_400, 100]);
  expect(fired).toEqual([50]);
});

it("frozen, it fires nothing, and then what was due in order; its monotonic time goes on", async () => {
  const { world, clock, fired } = fixture();
  clock.after(10, () => fired.push(1));
  clock.after(20, () => fired.push(2));
  clock.after(500, () => fired.push(3));
  const cancel = clock.after(15, () => fired.push(4));
  clock.freeze(100);
  clock.freeze(30);
  await world.advance(99);
  expect([fired, clock.monotonic()]).toEqual([[], 99]);
  cancel();
  await world.advance(1);
  expect(fired).toEqual([1, 2]);
  await world.advance(400);
  expect(fired).toEqual([1, 2, 3]);
});

it("dead, it fires nothing any more", async () => {
  const { world, clock, fired } = fixture();
  clock.after(10, () => fired.push(1));
  clock.die();
  await world.advance(20);
  expect(fired).toEqual([]);
});
