/** Owns: whether a manifest can be registered. Everything that is wrong is said at once: a deployment fails only once for it. */
import { defineError, isPerdureError, shown } from "../../sdk/error-catalogue.js";
import type { AppManifest, FunctionConfig, TriggerConfig } from "../../sdk/protocol.js";
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

/** The manifest, checked. Throws REGISTRATION_REFUSED with every problem found. */
export function checkManifest(manifest: AppManifest): AppManifest {
  const problems: string[] = [];
  if (typeof manifest !== "object" || manifest === null || !Array.isArray(manifest.functions)) {
    throw registrationRefused({
      appId: null,
      problems: ["it is no manifest: expected an app id and a list of functions"],
    });
  }
  const { appId, functions } = manifest;
  if (typeof appId !== "string" || !appIdPattern.test(appId)) {
    problems.push(`app id ${shown(appId)}: expected lowercase letters, digits and hyphens, at most 40`);
  }
  const seen = new Set<string>();
  for (const config of functions) {
    if (seen.has(config.id)) problems.push(`function ${shown(config.id)}: the id is used twice; expected each once`);
    seen.add(config.id);
    checkFunction(config, problems);
  }
  if (problems.length > 0) throw registrationRefused({ appId, problems });
  return manifest;
}

function checkFunction(config: FunctionConfig, problems: string[]): void {
  const problem = (text: string): void => void problems.push(`function ${shown(config.id)}: ${text}`);
  if (typeof config.id !== "string" || !functionIdPattern.test(config.id)) {
    problem("the id is not usable; expected lowercase letters, digits and hyphens, at most 80");
  }
  if (!Number.isInteger(config.retries) || config.retries < 0 || config.retries > MAX_RETRIES) {
    problem(`retries are ${shown(config.retries)}; expected a whole number from 0 to ${MAX_RETRIES}`);
  }
  if (!Array.isArray(config.triggers) || config.triggers.length < 1 || config.triggers.length > MAX_TRIGGERS) {
    problem(`it has ${config.triggers?.length ?? "no"} triggers; expected 1 to ${MAX_TRIGGERS}`);
    return;
  }
  const crons = new Set<string>();
  for (const trigger of config.triggers) {
    const fault = triggerFault(trigger);
    if (fault) problem(fault);
    if (!("cron" in trigger)) continue;
    if (crons.has(trigger.cron)) problem(`cron ${shown(trigger.cron)} is given twice; expected each once`);
    crons.add(trigger.cron);
  }
}

function triggerFault(trigger: TriggerConfig): string | null {
  try {
    if ("cron" in trigger) parseCron(trigger.cron);
    else if (trigger.if !== undefined) compileExpression(trigger.if, { variables: ["event"] });
    return null;
  } catch (error) {
    if (isPerdureError(error)) return `${error.message} (${error.code})`;
    throw error;
  }
}
