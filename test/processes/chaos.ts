/**
 * Owns: what is done to the processes, at random: whom, what, when, for how long; and the record of it.
 * Must not: leave anything stopped behind. `heal` thaws whatever was frozen, also in groups whose server is dead.
 */
import { sleep, type Clock, type Random } from "../../sdk/clock.js";
import { signal, type DevTree, type Sandbox } from "./dev-tree.js";
import { readEffects, type Disturbance, type Effect } from "./evidence.js";

type Strike = (tree: DevTree) => Promise<void> | void;

interface Bounds {
  least: number;
  most: number;
}

const GAP_MS = { least: 500, most: 3_500 };
const SHORT_FREEZE_MS = { least: 1_000, most: 8_000 };
/** Past the lease, and for some past what SQS and API Gateway wait. */
const LONG_FREEZE_MS = { least: 20_000, most: 40_000 };
const SERVER_FREEZE_MS = { least: 1_000, most: 15_000 };
const DOWN_MS = { least: 0, most: 3_000 };
/** The others have to do the work. */
const MOST_FROZEN = 4;
/** How often a worker that is in the middle of a body is preferred to one that waits for work. */
const BUSY = 0.75;
/** How often one is preferred whose body must not run twice. */
const DELICATE = 0.5;
/** How long a strike waits for an event to be answered: what was promised that moment is the easiest to lose. */
const MOMENT_MS = 2_000;

export class Chaos {
  readonly disturbances: Disturbance[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tell: (line: string) => void;
  readonly #nextAnswer: () => Promise<void>;
  readonly #frozen = new Map<number, () => void>();
  /** What is left of a deck: every strike comes once in fifteen, in whatever order. */
  #deck: Strike[] = [];

  /** `nextAnswer` resolves when an event has just been answered. */
  constructor(clock: Clock, random: Random, nextAnswer: () => Promise<void>, tell: (line: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#nextAnswer = nextAnswer;
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
    if (this.#deck.length === 0) this.#deck = this.#newDeck();
    const [drawn] = this.#deck.splice(Math.floor(this.#random.unit() * this.#deck.length), 1);
    return drawn ?? (() => undefined);
  }

  #newDeck(): Strike[] {
    const times = (count: number, strike: Strike): Strike[] => Array.from({ length: count }, () => strike);
    return [
      ...times(4, (tree) => this.#kill(tree, true)),
      ...times(2, (tree) => this.#kill(tree, false)),
      ...times(2, (tree) => this.#freezeSandbox(tree, true, SHORT_FREEZE_MS)),
      ...times(2, (tree) => this.#freezeSandbox(tree, true, LONG_FREEZE_MS)),
      ...times(2, (tree) => this.#freezeSandbox(tree, false, SHORT_FREEZE_MS)),
      (tree) => this.#restart(tree, "restart"),
      (tree) => this.#restart(tree, "outage"),
      (tree) => this.#freeze({ pid: tree.pid, name: "server" }, this.#between(SERVER_FREEZE_MS)),
    ];
  }

  #between({ least, most }: Bounds): number {
    return Math.round(least + this.#random.unit() * (most - least));
  }

  #pick(tree: DevTree, worker: boolean): Sandbox | undefined {
    const all = tree
      .sandboxes()
      .filter(({ pid, name }) => name.startsWith("worker") === worker && !this.#frozen.has(pid))
      // It has done its work before the server listens.
      .filter(({ name }) => !name.startsWith("register"));
    const inBodies = inBody(readEffects(tree.effectsFile));
    const busy = all.filter(({ pid }) => inBodies.has(pid));
    const delicate = busy.filter(({ pid }) => inBodies.get(pid) === "once");
    const among = this.#preferred(delicate, DELICATE) ?? this.#preferred(busy, BUSY) ?? all;
    return among[Math.floor(this.#random.unit() * among.length)];
  }

  #preferred(some: readonly Sandbox[], share: number): readonly Sandbox[] | undefined {
    return some.length > 0 && this.#random.unit() < share ? some : undefined;
  }

  /** An event has just been answered, or none was for a while. */
  #moment(): Promise<void> {
    return Promise.race([this.#nextAnswer(), sleep(this.#clock, MOMENT_MS)]);
  }

  async #kill(tree: DevTree, worker: boolean): Promise<void> {
    if (!worker) await this.#moment();
    const target = this.#pick(tree, worker);
    if (target) this.#record("kill", target, () => signal(target.pid, "SIGKILL"));
  }

  #freezeSandbox(tree: DevTree, worker: boolean, length: Bounds): void {
    const target = this.#pick(tree, worker);
    if (target) this.#freeze(target, this.#between(length));
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
    await this.#moment();
    const server = { pid: tree.pid, name: "server" };
    const disturbance = this.#record(what, server, () => undefined, ` and down for ${downMs} ms`);
    disturbance.untilMs = Infinity;
    await (what === "outage" ? tree.killAll() : tree.killServer());
    // Whoever is dead is no longer frozen. Sandboxes outlive a server that was killed alone, and thaw without one.
    if (what === "outage") this.heal();
    else this.#frozen.get(server.pid)?.();
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

/** Processes of which the last that is known is that a body began, and of which function. */
function inBody(effects: readonly Effect[]): Map<number, string> {
  const last = new Map(effects.map((effect) => [effect.pid, effect]));
  return new Map([...last.values()].flatMap(({ pid, fn, phase }) => (phase === "began" ? [[pid, fn] as const] : [])));
}
