/** Owns: faults at calls, by the rates of a swarm, until the world is healed. */
import { LEASE_MS } from "../../runtime/core/limits.js";
import type { Random } from "../../sdk/clock.js";
import type { AwsCall } from "../../local/aws/call.js";
import type { Fault, FaultRule } from "../../local/aws/faults.js";
import { FUNCTION_CALLERS, MAPPING_CALLERS } from "../crash/fault-plan.js";
import { MINUTE } from "../scenario/world.js";
import type { CallRates, Swarm } from "./swarm.js";

export interface ChaosHost {
  now(): number;
  freeze(sandboxId: string, ms: number): void;
  struck(call: AwsCall, fault: string): void;
}

/** Who can be struck in every way. The mappings are AWS's own: only their connections break. */
const STRUCK = [...FUNCTION_CALLERS, "sweep", "dead-letter", "api"];
const LONGEST_FREEZE_MS = MINUTE;
const LONGEST_OUTAGE_MS = 12 * MINUTE;
/** A step whose result finds no S3 until its invocation is over has used up an attempt: of 14 s each, five with their rests take four minutes. */
const LONGEST_S3_OUTAGE_MS = 2 * MINUTE;
const SERVICES = ["dynamodb", "sqs", "s3", "scheduler"] as const;

export class Chaos {
  readonly #swarm: Swarm;
  readonly #random: Random;
  readonly #host: ChaosHost;
  readonly #lastCallIndex = new Map<string, number>();
  readonly #downUntilMs = new Map<string, number>();
  #isOver = false;

  constructor(swarm: Swarm, random: Random, host: ChaosHost) {
    this.#swarm = swarm;
    this.#random = random;
    this.#host = host;
  }

  /** From now on every call is answered as it should be. */
  end(): void {
    this.#isOver = true;
  }

  /** One service is down from now on, for so long as `chance` says. */
  outage(chance: number): void {
    const service = SERVICES[Math.floor(chance * SERVICES.length)] ?? "dynamodb";
    // The same number says how far into its share of them it is: no second draw is needed.
    const share = (chance * SERVICES.length) % 1;
    const longestMs = service === "s3" ? LONGEST_S3_OUTAGE_MS : LONGEST_OUTAGE_MS;
    this.#downUntilMs.set(service, this.#host.now() + share * longestMs);
  }

  /** Sandboxes that have made a call, the latest last. */
  get sandboxes(): string[] {
    return [...this.#lastCallIndex].sort(([, a], [, b]) => a - b).map(([sandboxId]) => sandboxId);
  }

  readonly rule: FaultRule = (call) => {
    const { name, sandboxId } = call.caller;
    if (this.#isOver) return undefined;
    if (MAPPING_CALLERS.includes(name)) return this.#strikeMapping(call);
    if (!STRUCK.includes(name) || sandboxId === undefined) return undefined;
    this.#lastCallIndex.set(sandboxId, call.index);
    if ((this.#downUntilMs.get(call.service) ?? 0) > this.#host.now()) {
      this.#host.struck(call, "outage");
      return "throttle";
    }
    const kind = this.#draw(this.#swarm.calls, call);
    if (kind === null) return undefined;
    this.#host.struck(call, kind);
    return this.#carryOut(kind, sandboxId);
  };

  /** At most one fault for a call: the first that its rate brings up. */
  #draw(rates: CallRates, call: AwsCall): keyof CallRates | null {
    let drawn = this.#random.unit();
    for (const [kind, rate] of Object.entries(rates) as [keyof CallRates, number][]) {
      if (kind === "stale" && call.input["IndexName"] === undefined) continue;
      if (kind === "place" && !isOfPlace(call)) continue;
      drawn -= rate;
      if (drawn < 0) return kind;
    }
    return null;
  }

  #carryOut(kind: keyof CallRates, sandboxId: string): Fault {
    const when = this.#random.unit() < 0.5 ? "before" : "after";
    switch (kind) {
      case "crashBefore":
        return "crash-before";
      case "crashAfter":
        return "crash-after";
      case "slow":
        return { freezeMs: Math.ceil(this.#random.unit() * this.#swarm.slowMs), when };
      case "freeze": {
        const freezeMs = Math.ceil(this.#random.unit() * LONGEST_FREEZE_MS);
        this.#host.freeze(sandboxId, freezeMs);
        return { freezeMs: 1, when };
      }
      case "place": {
        // Stopped between its look at the time and the sending: what was decided under the lease lands after it.
        const freezeMs = LEASE_MS + Math.ceil(this.#random.unit() * LONGEST_FREEZE_MS);
        this.#host.freeze(sandboxId, freezeMs);
        return { freezeMs: when === "before" ? freezeMs : 1, when };
      }
      default:
        return kind;
    }
  }

  #strikeMapping(call: AwsCall): Fault | undefined {
    if (this.#random.unit() >= this.#swarm.mappings) return undefined;
    const fault = (["lost", "drop", "double"] as const)[Math.floor(this.#random.unit() * 3)];
    if (fault) this.#host.struck(call, fault);
    return fault;
  }
}

/** A write of a slot or a ticket of a concurrency limit. */
function isOfPlace({ input }: AwsCall): boolean {
  const key: unknown = input["Item"] ?? input["Key"];
  const pk: unknown = typeof key === "object" && key !== null ? Reflect.get(key, "pk") : null;
  return typeof pk === "object" && pk !== null && String(Reflect.get(pk, "S")).includes("#SLOT#");
}
