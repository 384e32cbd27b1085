/** Owns: whether a manifest can be registered. Everything that is wrong is said at once: a deployment fails only once for it. */
import { defineError, isPerdureError, shown } from "../../sdk/error-catalogue.js";
import { eventNameFault } from "../../sdk/events.js";
import type { AppManifest } from "../../sdk/protocol.js";
import { appIdPattern, functionIdPattern } from "../core/ids.js";
import { compileExpression } from "../expressions/cel.js";
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

function checkFunction({ id, name, retries, triggers }: Record<string, unknown>, problems: string[]): void {
  const problem = (text: string): void => void problems.push(`function ${shown(id)}: ${text}`);
  if (typeof id !== "string" || !functionIdPattern.test(id)) {
    problem("the id is not usable; expected lowercase letters, digits and hyphens, at most 80");
  }
  if (typeof name !== "string" || name === "") problem(`its name is ${shown(name)}; expected text`);
  if (typeof retries !== "number" || !Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES) {
    problem(`retries are ${shown(retries)}; expected a whole number from 0 to ${MAX_RETRIES}`);
  }
  if (!Array.isArray(triggers) || triggers.length < 1 || triggers.length > MAX_TRIGGERS) {
    problem(`it has ${Array.isArray(triggers) ? triggers.length : "no"} triggers; expected 1 to ${MAX_TRIGGERS}`);
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

function triggerFault(trigger: unknown): string | null {
  const expected = "{ event } with or without if, or { cron }";
  if (!isRecord(trigger)) return `a trigger is ${shown(trigger)}; expected ${expected}`;
  const { event, cron, if: condition } = trigger;
  if ((event === undefined) === (cron === undefined)) return `a trigger is ${shown(trigger)}; expected ${expected}`;
  try {
    if (cron !== undefined) {
      if (typeof cron !== "string") return `a cron is ${shown(cron)}; expected text`;
      parseCron(cron);
      return condition === undefined ? null : "a cron trigger has an if; expected if beside event only";
    }
    const fault = eventNameFault(event, { wildcard: true });
    if (fault) return `${fault.is}; expected ${fault.expected}`;
    if (condition === undefined) return null;
    if (typeof condition !== "string") return `an if is ${shown(condition)}; expected a CEL expression`;
    compileExpression(condition, { variables: ["event"] });
    return null;
  } catch (error) {
    if (isPerdureError(error)) return `${error.message} (${error.code})`;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
