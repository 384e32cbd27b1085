/**
 * Owns: how many sandboxes of a whole stack live at one time. Lambda has room for thousands, a laptop for a few processes: to
 * start one more, the one that has been idle longest is ended, as Lambda itself ends idle ones.
 * Invariant: a sandbox that runs an invocation is never ended for room; a start waits instead.
 */
import type { Invocation } from "../lambda/invocation.js";
import { Death, type Sandbox, type SandboxAnswer, type SandboxFactory } from "../lambda/sandbox.js";

export class SandboxBudget {
  readonly #max: number;
  #starting = 0;
  /** Least recently used first. */
  readonly #living: BudgetedSandbox[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** The same sandboxes, within the budget. */
  within(factory: SandboxFactory): SandboxFactory {
    return async (sandboxId) => {
      await this.#room();
      try {
        const sandbox = new BudgetedSandbox(await factory(sandboxId), () => this.#changed());
        this.#living.push(sandbox);
        sandbox.onDeath(() => this.#forget(sandbox));
        return sandbox;
      } finally {
        this.#starting -= 1;
        this.#changed();
      }
    };
  }

  /** Takes one place. Its owner gives it back when the sandbox is there, which then counts by itself. */
  async #room(): Promise<void> {
    while (this.#living.length + this.#starting >= this.#max) {
      const idle = this.#living.find((sandbox) => !sandbox.isBusy);
      if (idle !== undefined) idle.kill();
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#starting += 1;
  }

  #forget(sandbox: BudgetedSandbox): void {
    const index = this.#living.indexOf(sandbox);
    if (index >= 0) this.#living.splice(index, 1);
    this.#changed();
  }

  #changed(): void {
    this.#living.sort((a, b) => a.usedCount - b.usedCount);
    for (const look of this.#waiting.splice(0)) look();
  }
}

/** Counts uses over all sandboxes: the order in which they were last used. */
let uses = 0;

class BudgetedSandbox implements Sandbox {
  readonly id: string;
  readonly #inner: Sandbox;
  readonly #death = new Death();
  readonly #onIdle: () => void;
  /** From its start: whoever had it started has an invocation for it. */
  isBusy = true;
  usedCount = (uses += 1);

  constructor(inner: Sandbox, onIdle: () => void) {
    this.id = inner.id;
    this.#inner = inner;
    this.#onIdle = onIdle;
    inner.onDeath((how) => this.#death.announce(how));
  }

  async invoke(eventJson: string, invocation: Invocation): Promise<SandboxAnswer> {
    this.isBusy = true;
    this.usedCount = uses += 1;
    try {
      return await this.#inner.invoke(eventJson, invocation);
    } finally {
      this.isBusy = false;
      // After whoever invoked has taken note that it is free: it must not be ended in between.
      queueMicrotask(this.#onIdle);
    }
  }

  /** Dead from this moment: nobody may be given it while the process still ends. */
  kill(): void {
    this.#death.announce("signal: killed");
    this.#inner.kill();
  }

  onDeath(listener: (how: string) => void): () => void {
    return this.#death.listen(listener);
  }
}
