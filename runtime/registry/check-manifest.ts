/** Owns: whether a manifest can be registered. Everything that is wrong is said at once: a deployment fails only once for it. */
import { isBackoffConfig } from "../../sdk/backoff.js";
import { defineError, isPerdureError, shown } from "../../sdk/error-catalogue.js";
import { MAX_CANCEL_EVENTS } from "../../sdk/cancel-on.js";
import { MAX_CONCURRENCY_LIMITS, readConcurrency } from "../../sdk/concurrency.js";
import { MAX_WAIT_MS } from "../../sdk/duration.js";
import { eventNameFault } from "../../sdk/events.js";
import type { AppManifest } from "../../sdk/protocol.js";
import { isTimeoutMs } from "../../sdk/timeouts.js";
import { isJitterMs, JITTER_MS } from "../../sdk/triggers.js";
import { appIdPattern, functionIdPattern } from "../core/ids.js";
import { compileExpression, type ExpressionVariable } from "../expressions/cel.js";
import { parseCron } from "../timers/cron.js";

export const registrationRefused = defineError<{ appId: unknown; problems: readonly string[] }>({
  code: "REGISTRATION_REFUSED",
  status: 400,
  retryable: false,
  message: ({ appId, problems }) =>
    `Cannot register app ${shown(appId)}: ${problems.length} of its settings are not usable; expected none:\n${problems
      .map((problem) => `  - ${problem}`)
      .join("\n")}`,
  remedy: "Correct the functions named above and register again. What was registered before stays as it is.",
});

const MAX_TRIGGERS = 10;
const MAX_RETRIES = 20;

/**
 * The manifest, checked. Throws REGISTRATION_REFUSED with every problem found. Nothing is taken on trust: a manifest comes
 * from another process and perhaps from another language, and one trigger of a wrong shape would stop all dispatch.
 */
export function checkManifest(manifest: AppManifest): AppManifest {
  const given: unknown = manifest;
  if (!isRecord(given) || !Array.isArray(given["functions"])) {
    const problems = ["it is no manifest: expected an app id and a list of functions"];
    throw registrationRefused({ appId: null, problems });
  }
  const { appId } = given;
  const functions: readonly unknown[] = given["functions"];
  const problems: string[] = [];
  if (typeof appId !== "string" || !appIdPattern.test(appId)) {
    problems.push(`app id ${shown(appId)}: expected lowercase letters, digits and hyphens, at most 40`);
  }
  const seen = new Set<unknown>();
  for (const config of functions) {
    if (!isRecord(config)) {
      problems.push(`function ${shown(config)}: it is no object; expected its id, name, triggers and retries`);
      continue;
    }
    if (seen.has(config["id"])) {
      problems.push(`function ${shown(config["id"])}: the id is used twice; expected each once`);
    }
    seen.add(config["id"]);
    checkFunction(config, problems);
  }
  if (problems.length > 0) throw registrationRefused({ appId, problems });
  return manifest;
}

function checkFunction(config: Record<string, unknown>, problems: string[]): void {
  const { id, name, retries, triggers, backoff, idempotency, parallel, timeouts, cancelOn, concurrency } = config;
  const problem = (text: string): void => void problems.push(`function ${shown(id)}: ${text}`);
  if (typeof id !== "string" || !functionIdPattern.test(id)) {
    problem("the id is not usable; expected lowercase letters, digits and hyphens, at most 80");
  }
  if (typeof name !== "string" || name === "") problem(`its name is ${shown(name)}; expected text`);
  if (parallel !== undefined && parallel !== "in-turn" && parallel !== "distributed") {
    problem(`parallel is ${shown(parallel)}; expected "in-turn" or "distributed"`);
  }
  if (typeof retries !== "number" || !Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    problem(`retries are ${shown(retries)}; expected a whole number from 0 to ${MAX_RETRIES}`);
  }
  if (backoff !== undefined && !isBackoffConfig(backoff)) {
    problem(`its backoff is ${shown(backoff)}; expected { firstMs, factor, longestMs } within their bounds`);
  }
  if (timeouts !== undefined && !isTimeouts(timeouts)) {
    problem(`its timeouts are ${shown(timeouts)}; expected startMs and finishMs, 1 s to 366 days each`);
  }
  if (idempotency !== undefined) {
    const fault = expressionFault("idempotency", idempotency);
    if (fault) problem(fault);
  }
  if (cancelOn !== undefined) for (const fault of cancelOnFaults(cancelOn)) problem(fault);
  if (concurrency !== undefined) for (const fault of concurrencyFaults(concurrency)) problem(fault);
  if (!Array.isArray(triggers) || triggers.length > MAX_TRIGGERS) {
    const count = Array.isArray(triggers) ? triggers.length : "no list of";
    problem(`it has ${count} triggers; expected at most ${MAX_TRIGGERS}`);
    return;
  }
  const crons = new Set<unknown>();
  const list: readonly unknown[] = triggers;
  for (const trigger of list) {
    const fault = triggerFault(trigger);
    if (fault) problem(fault);
    if (!isRecord(trigger) || trigger["cron"] === undefined) continue;
    if (crons.has(trigger["cron"])) problem(`cron ${shown(trigger["cron"])} is given twice; expected each once`);
    crons.add(trigger["cron"]);
  }
}

function cancelOnFaults(cancelOn: unknown): string[] {
  if (!Array.isArray(cancelOn) || cancelOn.length > MAX_CANCEL_EVENTS) {
    return [`its cancelOn is ${shown(cancelOn)}; expected a list of at most ${MAX_CANCEL_EVENTS}`];
  }
  const entries: readonly unknown[] = cancelOn;
  return entries.flatMap((entry) => cancelFault(entry) ?? []);
}

function cancelFault(entry: unknown): string | null {
  if (!isRecord(entry)) return `an entry of its cancelOn is ${shown(entry)}; expected { event, if, timeoutMs }`;
  const { event, if: condition, timeoutMs } = entry;
  const fault = eventNameFault(event, { wildcard: false, system: true });
  if (fault) return `in its cancelOn ${fault.is}; expected ${fault.expected}`;
  if (timeoutMs !== undefined && !isCancelTimeout(timeoutMs)) {
    return `a timeout of its cancelOn is ${shown(timeoutMs)}; expected 0 to ${MAX_WAIT_MS} ms`;
  }
  return condition === undefined ? null : expressionFault("cancelOn", condition, ["event", "async"]);
}

/** What can be written in code can be said in a manifest, in its longest form: dispatch and the executor add nothing to it. */
function concurrencyFaults(concurrency: unknown): string[] {
  if (!Array.isArray(concurrency)) {
    return [`its concurrency is ${shown(concurrency)}; expected a list of at most ${MAX_CONCURRENCY_LIMITS}`];
  }
  const limits: readonly unknown[] = concurrency;
  const short = limits.find((limit) => !isRecord(limit) || limit["scope"] === undefined || limit["hold"] === undefined);
  if (short !== undefined) {
    return [
      `a limit of its concurrency is ${shown(short)}; expected { limit, key, scope, hold }, without key or whole`,
    ];
  }
  const read = readConcurrency(limits);
  if ("is" in read) return [`${read.is}; expected ${read.expected}`];
  return read.flatMap(({ key }) => (key === undefined ? [] : (expressionFault("concurrency", key) ?? [])));
}

function isCancelTimeout(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_WAIT_MS;
}

function isTimeouts(value: unknown): boolean {
  if (!isRecord(value)) return false;
  return Object.entries(value).every(([name, ms]) => (name === "startMs" || name === "finishMs") && isTimeoutMs(ms));
}

function triggerFault(trigger: unknown): string | null {
  const expected = "{ event } with or without if, or { cron } with or without jitterMs";
  if (!isRecord(trigger)) return `a trigger is ${shown(trigger)}; expected ${expected}`;
  const { event, cron, if: condition, jitterMs } = trigger;
  if ((event === undefined) === (cron === undefined)) return `a trigger is ${shown(trigger)}; expected ${expected}`;
  if (cron !== undefined) {
    if (typeof cron !== "string") return `a cron is ${shown(cron)}; expected text`;
    if (condition !== undefined) return "a cron trigger has an if; expected if beside event only";
    if (jitterMs !== undefined && !isJitterMs(jitterMs)) {
      return `the jitter of a cron is ${shown(jitterMs)}; expected ${JITTER_MS.min} to ${JITTER_MS.max} ms`;
    }
    return faultOf(() => parseCron(cron));
  }
  if (jitterMs !== undefined) return "an event trigger has a jitter; expected jitter beside cron only";
  const fault = eventNameFault(event, { wildcard: true, system: true });
  if (fault) return `${fault.is}; expected ${fault.expected}`;
  return condition === undefined ? null : expressionFault("if", condition);
}

function expressionFault(
  option: string,
  expression: unknown,
  variables: readonly ExpressionVariable[] = ["event"],
): string | null {
  if (typeof expression !== "string") return `its ${option} is ${shown(expression)}; expected a CEL expression`;
  return faultOf(() => compileExpression(expression, { variables }));
}

/** What a reader has against what it was given to read. */
function faultOf(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    if (isPerdureError(error)) return `${error.message} (${error.code})`;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
