/**
 * Goal: a stack never has more sandboxes than its budget, and none is ended while it runs an invocation.
 * Method: sandboxes that are answered by hand.
 */
import { beforeEach, expect, it } from "vitest";
import { drainMicrotasks } from "../../sdk/clock.js";
import { SandboxBudget } from "../../local/deploy/sandbox-budget.js";
import { Death, type Sandbox, type SandboxFactory } from "../../local/lambda/sandbox.js";

class FakeSandbox implements Sandbox {
  readonly death = new Death();
  readonly id: string;
  finish: () => void = () => undefined;

  constructor(id: string) {
    this.id = id;
  }

  invoke(): Promise<{ resultJson: string; retire: boolean }> {
    return new Promise((resolve) => (this.finish = () => resolve({ resultJson: "null", retire: false })));
  }

  kill(): void {
    this.death.announce("killed");
  }

  onDeath(listener: (how: string) => void): () => void {
    return this.death.listen(listener);
  }
}

const settings = { name: "f", timeoutMs: 1, memoryMb: 1, maxConcurrency: 1 };
const invocation = { requestId: "r", settings };
let fakes: FakeSandbox[];
let start: SandboxFactory;

beforeEach(() => {
  fakes = [];
  start = new SandboxBudget(2).within((id) => {
    const fake = new FakeSandbox(id);
    fakes.push(fake);
    return Promise.resolve(fake);
  });
});

const alive = (): string[] => fakes.filter(({ death }) => !death.isDead).map(({ id }) => id);

/** Starts a sandbox and runs one invocation to its end. */
async function use(id: string): Promise<Sandbox> {
  const sandbox = await start(id);
  const running = sandbox.invoke("{}", invocation);
  fakes.find((fake) => fake.id === id && !fake.death.isDead)?.finish();
  await running;
  await drainMicrotasks();
  return sandbox;
}

it("ends the one that has been idle longest to start another", async () => {
  const a = await use("a");
  await use("b");
  const again = a.invoke("{}", invocation);
  fakes[0]?.finish();
  await again;
  await drainMicrotasks();
  await use("c");
  expect(alive()).toEqual(["a", "c"]);
});

it("waits while all are busy", async () => {
  const [a, b] = await Promise.all([start("a"), start("b")]);
  const running = [a?.invoke("{}", invocation), b?.invoke("{}", invocation)];
  let started = false;
  const third = start("c").then(() => (started = true));
  await drainMicrotasks();
  expect([started, alive()]).toEqual([false, ["a", "b"]]);
  fakes[1]?.finish();
  await third;
  expect(alive()).toEqual(["a", "c"]);
  fakes[0]?.finish();
  await Promise.all(running);
});

it("gives the place of one that died, and of one that could not start, to the next", async () => {
  await use("a");
  await use("b");
  for (const fake of fakes) fake.kill();
  await use("c");
  expect(alive()).toEqual(["c"]);
  const broken = new SandboxBudget(1);
  await expect(broken.within(() => Promise.reject(new Error("no code")))("x")).rejects.toThrow("no code");
  await expect(broken.within((id) => Promise.resolve(new FakeSandbox(id)))("y")).resolves.toBeDefined();
});

it("takes a sandbox for dead from the moment it is ended", async () => {
  const a = await use("a");
  let how = "";
  a.onDeath((death) => (how = death));
  a.kill();
  expect(how).toBe("signal: killed");
});
