/**
 * Owns: the option `concurrency`: how many may execute at once, as written and as the platform keeps it.
 * Must not: count; the runtime does.
 */
import { shown } from "./error-catalogue.js";
import type { Fault } from "./errors.js";
import type { ConcurrencyConfig } from "./protocol.js";

interface Limit {
  /** Places there are for each value of the key: a whole number from 1 to 1,000. A deploy that changes it counts at once. */
  limit: number;
  /**
   * What a place is held for. "step", as when absent: for work, that is steps that execute and the function's code between
   * them. A run that sleeps, waits, or rests between two attempts holds none. "run": each run holds one, and never more,
   * from its first turn to its end, whatever it does meanwhile.
   */
  hold?: "step" | "run" | undefined;
}

/**
 * How many may execute at the same time; the others wait, those of older runs first. What takes a place is a run whose code is
 * executed, and each further step it has under way at that moment, side by side or in a Lambda of its own.
 */
export type Concurrency = Limit &
  (
    | {
        /** Whose work shares the places. "function", as when absent: this function's alone. */
        scope?: "function" | undefined;
        /**
         * A CEL expression over `event`, such as "event.data.customerId": each of its values has `limit` places of its own.
         * It is asked once, when the run is made. Null, which it is too when it fails, is a value like another; lists and maps
         * count as JSON, `1` and `"1"` as the same. Up to 1,024 characters. Without a key, all runs share the places.
         */
        key?: string | undefined;
      }
    | {
        /**
         * "app": the places are shared by all functions of the app for whose limits of this scope, and of the same `hold`, the
         * key comes to the same value, whatever the expression. Each goes up to its own `limit`.
         */
        scope: "app";
        /** As for "function", but needed: it names what is shared, such as "'openai'" or "'crm-' + event.data.account". */
        key: string;
      }
  );

/** The option's forms: a number is the limit of the function as a whole. Of two, both must have a place. */
export type ConcurrencyOption = number | Concurrency | readonly [Concurrency] | readonly [Concurrency, Concurrency];

export const MAX_CONCURRENCY = 1_000;
export const MAX_CONCURRENCY_LIMITS = 2;
const MEMBERS: readonly string[] = ["limit", "key", "scope", "hold"];
const FORM = '10 or { limit: 10, key: "event.data.customerId" }';

/** The limits as the platform keeps them, or what is wrong with them. */
export function readConcurrency(written: unknown): ConcurrencyConfig[] | Fault {
  const limits: readonly unknown[] = Array.isArray(written)
    ? written
    : [typeof written === "number" ? { limit: written } : written];
  if (limits.length > MAX_CONCURRENCY_LIMITS) {
    return { is: `its concurrency has ${limits.length} limits`, expected: `at most ${MAX_CONCURRENCY_LIMITS}` };
  }
  const configs: ConcurrencyConfig[] = [];
  for (const limit of limits) {
    const config = readLimit(limit);
    if ("is" in config) return config;
    if (configs.some(({ scope, key }) => scope === config.scope && key === config.key)) {
      return { is: "its concurrency has two limits of one scope and key", expected: "each once" };
    }
    configs.push(config);
  }
  return configs;
}

function readLimit(written: unknown): ConcurrencyConfig | Fault {
  if (typeof written !== "object" || written === null) {
    return { is: `its concurrency is ${shown(written)}`, expected: FORM };
  }
  const unknownMember = Object.keys(written).find((member) => !MEMBERS.includes(member));
  if (unknownMember !== undefined) {
    return { is: `its concurrency has the unknown member ${shown(unknownMember)}`, expected: MEMBERS.join(", ") };
  }
  const {
    limit,
    key,
    scope = "function",
    hold = "step",
  }: { limit?: unknown; key?: unknown; scope?: unknown; hold?: unknown } = written;
  const fault = (member: string, value: unknown, expected: string): Fault => {
    return { is: `the ${member} of its concurrency is ${shown(value)}`, expected };
  };
  if (!isLimit(limit)) return fault("limit", limit, `a whole number from 1 to ${MAX_CONCURRENCY}`);
  if (scope !== "function" && scope !== "app") return fault("scope", scope, '"function" or "app"');
  if (hold !== "step" && hold !== "run") return fault("hold", hold, '"step" or "run"');
  if (key === undefined) {
    if (scope === "function") return { limit, scope, hold };
    return { is: 'its concurrency has the scope "app" and no key', expected: `a key such as "'openai'"` };
  }
  if (typeof key === "string" && key.trim() !== "") return { limit, key, scope, hold };
  return fault("key", key, 'a CEL expression such as "event.data.customerId"');
}

function isLimit(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_CONCURRENCY;
}
