/**
 * Owns: what is done to the processes, at random: whom, what, when, for how long; and the record of it.
 * Must not: leave anything stopped behind. `heal` thaws whatever was frozen, also in groups whose server is dead.
 */
import { sleep, type Clock, type Random } from "../../sdk/clock.js";
import { signal, type DevTree, type Sandbox } from "./dev-tree.js";
import type { Disturbance } from "./evidence.js";

type Strike = (tree: DevTree) => Promise<void> | void;

const GAP_MS = { least: 500, most: 3_500 };
const SHORT_FREEZE_MS = { least: 1_000, most: 8_000 };
/** Past the lease, and for some past what SQS and Lambda wait. */
const LONG_FREEZE_MS = { least: 20_000, most: 40_000 };
const LONG_FREEZES = 0.3;
const SERVER_FREEZE_MS = { least: 1_000, most: 15_000 };
const DOWN_MS = { least: 0, most: 3_000 };
/** The others have to do the work. */
const MOST_FROZEN = 3;

export class Chaos {
  readonly disturbances: Disturbance[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tell: (line: string) => void;
  readonly #frozen = new Map<number, () => void>();
  readonly #strikes: readonly { weight: number; strike: Strike }[] = [
    { weight: 30, strike: (tree) => this.#kill(tree, true) },
    { weight: 18, strike: (tree) => this.#kill(tree, false) },
    { weight: 20, strike: (tree) => this.#freezeSandbox(tree, true) },
    { weight: 12, strike: (tree) => this.#freezeSandbox(tree, false) },
    { weight: 9, strike: (tree) => this.#restart(tree, "restart") },
    { weight: 4, strike: (tree) => this.#restart(tree, "outage") },
    { weight: 7, strike: (tree) => this.#freeze({ pid: tree.pid, name: "server" }, this.#between(SERVER_FREEZE_MS)) },
  ];

  constructor(clock: Clock, random: Random, tell: (line: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#tell = tell;
  }

  async run(tree: DevTree, lengthMs: number): Promise<void> {
    const endMs = this.#clock.monotonic() + lengthMs;
    for (;;) {
      await sleep(this.#clock, this.#between(GAP_MS));
      if (this.#clock.monotonic() >= endMs) return;
      await this.#drawn()(tree);
    }
  }

  /** Thaws whoever is frozen. */
  heal(): void {
    for (const thaw of [...this.#frozen.values()]) thaw();
  }

  #drawn(): Strike {
    const total = this.#strikes.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random.unit() * total;
    for (const { weight, strike } of this.#strikes) {
      left -= weight;
      if (left < 0) return strike;
    }
    return () => undefined;
  }

  #between({ least, most }: { least: number; most: number }): number {
    return Math.round(least + this.#random.unit() * (most - least));
  }

  #pick(tree: DevTree, worker: boolean): Sandbox | undefined {
    const all = tree
      .sandboxes()
      .filter(({ pid, name }) => name.startsWith("worker") === worker && !this.#frozen.has(pid));
    return all[Math.floor(this.#random.unit() * all.length)];
  }

  #kill(tree: DevTree, worker: boolean): void {
    const target = this.#pick(tree, worker);
    if (target) this.#record("kill", target, () => signal(target.pid, "SIGKILL"));
  }

  #freezeSandbox(tree: DevTree, worker: boolean): void {
    const target = this.#pick(tree, worker);
    const length = this.#random.unit() < LONG_FREEZES ? LONG_FREEZE_MS : SHORT_FREEZE_MS;
    const lengthMs = this.#between(length);
    if (target) this.#freeze(target, lengthMs);
  }

  #freeze(target: Sandbox, lengthMs: number): void {
    if (this.#frozen.size >= MOST_FROZEN || this.#frozen.has(target.pid)) return;
    const what = target.name === "server" ? "server freeze" : "freeze";
    const disturbance = this.#record(what, target, () => signal(target.pid, "SIGSTOP"), ` for ${lengthMs} ms`);
    disturbance.untilMs = Infinity;
    const thaw = (): void => {
      cancel();
      signal(target.pid, "SIGCONT");
      disturbance.untilMs = this.#clock.now();
      this.#frozen.delete(target.pid);
    };
    const cancel = this.#clock.after(lengthMs, thaw);
    this.#frozen.set(target.pid, thaw);
  }

  async #restart(tree: DevTree, what: "restart" | "outage"): Promise<void> {
    const downMs = this.#between(DOWN_MS);
    const server = { pid: tree.pid, name: "server" };
    const disturbance = this.#record(what, server, () => undefined, ` and down for ${downMs} ms`);
    disturbance.untilMs = Infinity;
    await (what === "outage" ? tree.killAll() : tree.killServer());
    this.#frozen.get(server.pid)?.();
    await sleep(this.#clock, downMs);
    await tree.start();
    disturbance.untilMs = this.#clock.now();
  }

  #record(what: Disturbance["what"], { pid, name }: Sandbox, strike: () => void, more = ""): Disturbance {
    const fromMs = this.#clock.now();
    const disturbance = { what, name, pid, fromMs, untilMs: fromMs };
    this.disturbances.push(disturbance);
    this.#tell(`${what} of ${name} (${pid})${more}`);
    strike();
    return disturbance;
  }
}
