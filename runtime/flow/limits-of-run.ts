/**
 * Owns: which concurrency limits count a run. Their keys are evaluated once, when the run is made, and stand on its head; what
 * they allow is read from the function as the worker has it, so that a deployment changes it at once.
 * Must not: know what is taken (flow/turn-slots.ts does).
 */
import type { ConcurrencyConfig, FunctionConfig, StoredEvent } from "../../sdk/protocol.js";
import type { RunHead } from "../core/run.js";
import type { RegisteredFunction } from "../registry/registry.js";
import { slotHash } from "../state/keys.js";

/** One limit of a run. */
export interface RunLimit {
  /** Names what it counts, among all of its app. */
  hash: string;
  limit: number;
  hold: ConcurrencyConfig["hold"];
}

/** Tells the rules of one function apart: two of them at most, and what they were before a deployment. */
const RULE_CHARACTERS = 6;

/** What the head of a new run keeps, one for each limit of its function. A key that fails, or is null, is one key like another. */
export function slotsOf({ config, concurrency }: RegisteredFunction, event: StoredEvent): string[] {
  return concurrency.map(({ config: rule, key }) => {
    const value = key?.evaluateKey({ event }) ?? null;
    const hash =
      rule.scope === "app"
        ? slotHash("app", rule.hold, value)
        : slotHash("function", config.id, rule.key ?? null, value);
    return `${ruleOf(rule)}.${hash}`;
  });
}

/**
 * The limits of a run, in the order in which they are taken (`placeInOrder`). A rule the function did not have when the run was
 * made does not count it, nor does one that it no longer has.
 */
export function limitsOf({ slots }: Pick<RunHead, "slots">, { concurrency = [] }: FunctionConfig): RunLimit[] {
  const found = slots.flatMap((slot) => {
    const [rule = "", hash = ""] = slot.split(".");
    const config = concurrency.find((candidate) => ruleOf(candidate) === rule);
    return config ? [{ hash, limit: config.limit, hold: config.hold, place: placeInOrder(config) }] : [];
  });
  found.sort((a, b) => a.place - b.place || (a.hash < b.hash ? -1 : 1));
  // Two rules that share an app's places may come to the same key: that is one place, under the lower of the two limits.
  const hashes = new Set(found.map(({ hash }) => hash));
  return [...hashes].flatMap((hash) => {
    const same = found.filter((limit) => limit.hash === hash);
    const hold = same.some((limit) => limit.hold === "run") ? "run" : "step";
    return same.slice(0, 1).map(({ limit }) => ({ hash, limit, hold }) as const);
  });
}

/** The hashes of all keys a run may have something under, whatever its function says of them now. */
export function hashesOf({ slots }: Pick<RunHead, "slots">): string[] {
  return slots.flatMap((slot) => slot.split(".")[1] ?? []);
}

/**
 * What is kept to the end comes first: who holds a place for work while it waits for one to keep would be in the way of a run that
 * keeps that one and needs to work. Then the narrower: whoever waits for it must not meanwhile fill the wider. Places that
 * functions share are taken by all of them in one order, that of their names, so that no two wait for one another.
 */
function placeInOrder({ hold, scope, key, limit }: ConcurrencyConfig): number {
  const width = scope === "app" ? APP_WIDTH : key === undefined ? APP_WIDTH + 1 : Math.min(limit, APP_WIDTH - 1);
  return hold === "run" ? width : RUN_WIDTHS + width;
}

/** Beyond any limit. */
const APP_WIDTH = 10_000;
const RUN_WIDTHS = 100_000;

/** `-` and `_` only beside letters and digits: a dot parts a rule from its key. */
function ruleOf({ scope, key }: ConcurrencyConfig): string {
  return slotHash("rule", scope, key ?? null).slice(0, RULE_CHARACTERS);
}
