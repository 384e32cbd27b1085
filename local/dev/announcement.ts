/**
 * Owns: every line the dev server prints about the platform: the greeting with all one needs to send an event, runs, what
 * functions print, and what went wrong.
 * Must not: decide when; the server does.
 */
import type { RunHead } from "../../runtime/core/run.js";
import type { AppManifest, TriggerConfig } from "../../sdk/protocol.js";
import type { PlatformProblem } from "../lambda/assembled-platform.js";
import type { InvocationError } from "../lambda/invocation.js";
import type { DevOptions } from "./options.js";
import type { RunCost } from "./run-costs.js";
import { curlCommand, sampleEvent } from "./samples.js";
import { columns, shownDollars, shownDuration, shownText, shownTime } from "./terminal.js";
import type { Terminal } from "./terminal.js";

export interface Greeting {
  version: string;
  url: string;
  options: DevOptions;
  /** As the user would write it. */
  entry: string;
  entryFile: string;
  manifest: AppManifest;
  /** Services named from outside, with their endpoints. */
  external: readonly (readonly [string, string])[];
}

export function greet(terminal: Terminal, greeting: Greeting): void {
  const { options, url, manifest } = greeting;
  terminal.line("");
  terminal.line(`${terminal.bold("perdure dev")} ${terminal.dim(greeting.version)}`);
  terminal.line("");
  const facts: (readonly [string, string])[] = [
    ["listening", url],
    ["event key", options.eventKey],
    ["signing key", options.signingKey],
    ["entry", greeting.entry],
    ["data", options.dataDirectory],
    ...greeting.external,
  ];
  for (const line of columns(facts)) terminal.line(`  ${line}`);
  terminal.line("");
  tellFunctions(terminal, manifest);
  const sample = sampleEvent(manifest, greeting.entryFile);
  if (sample === undefined) return;
  terminal.line("");
  terminal.line(terminal.bold("Send an event"));
  terminal.line(`  ${curlCommand(url, options.eventKey, sample)}`);
  terminal.line("");
}

export function tellFunctions(terminal: Terminal, manifest: AppManifest): void {
  terminal.line(terminal.bold(`Functions of app "${manifest.appId}"`));
  const rows = manifest.functions.map((config) => [config.id, shownTriggers(config.triggers)]);
  for (const line of columns(rows)) terminal.line(`  ${line}`);
}

function shownTriggers(triggers: readonly TriggerConfig[]): string {
  return triggers.length === 0 ? "when it is invoked" : triggers.map(shownTrigger).join(", ");
}

function shownTrigger(trigger: TriggerConfig): string {
  if ("cron" in trigger) return `cron ${trigger.cron}`;
  return trigger.if === undefined ? `event ${trigger.event}` : `event ${trigger.event} if ${trigger.if}`;
}

const INDENT = " ".repeat(10);

export function tellRunStart(terminal: Terminal, nowMs: number, head: RunHead, resumed: boolean): void {
  terminal.line(`${runPrefix(terminal, nowMs, head)}  ${resumed ? "goes on" : "started"}`);
}

/** `resumed`: the run had begun before this server did, which counted only the rest of it. */
export function tellRunEnd(
  terminal: Terminal,
  nowMs: number,
  head: RunHead,
  cost: RunCost & { resumed: boolean },
): void {
  const durationMs = (head.endedAtMs ?? nowMs) - (head.startedAtMs ?? head.createdAtMs);
  const colour = head.status === "Completed" ? terminal.green : terminal.red;
  const status = colour(head.status.toLowerCase());
  // What a service from outside would bill is not known here, and not mentioned.
  const units = [
    ...counted(cost.writes, "write"),
    ...counted(cost.reads, "read"),
    ...counted(cost.messages, "queue call"),
    ...counted(cost.invocations, "invocation"),
    ...(cost.resumed ? ["since the restart"] : []),
  ].join(", ");
  const line = [runPrefix(terminal, nowMs, head), status, shownDuration(durationMs), shownDollars(cost.usd)].join("  ");
  terminal.line(`${line}  ${terminal.dim(`(${units})`)}`);
  if (head.error === null) return;
  const error = shownText(`${head.error.name}: ${head.error.message}`, INDENT);
  terminal.line(`${INDENT}${terminal.red(error)}`);
}

function runPrefix(terminal: Terminal, nowMs: number, head: RunHead): string {
  return `${terminal.dim(shownTime(nowMs))}  ${terminal.bold(head.functionId)}  ${terminal.dim(head.runId)}`;
}

/** "13 writes", or nothing for none. Units of shared batches are fractions; one decimal is enough. */
function counted(amount: number, noun: string): string[] {
  const rounded = Math.round(amount * 10) / 10;
  return rounded === 0 ? [] : [`${rounded} ${noun}${rounded === 1 ? "" : "s"}`];
}

/** One line that a function printed. */
export function tellOutput(terminal: Terminal, name: string, line: string, stream: "stdout" | "stderr"): void {
  const prefix = terminal.dim(`${name.padEnd(11)} |`);
  terminal.line(`${prefix} ${stream === "stderr" ? terminal.yellow(line) : line}`);
}

export function tellProblem(terminal: Terminal, nowMs: number, problem: PlatformProblem): void {
  const tell = (where: string, text: string): void =>
    terminal.line(`${terminal.dim(shownTime(nowMs))}  ${terminal.yellow(where)}  ${shownText(text, INDENT)}`);
  if (problem.kind === "route") return tell(problem.route, shownFailure(problem.error));
  if (problem.kind === "schedule") return tell(problem.function, `given up: ${shownFailure(problem.error)}`);
  const { problem: cause, queue } = problem;
  if (cause.kind === "invocation") {
    return tell(
      problem.function,
      `${shownFailure(cause.error)}; its ${cause.messages.length} message(s) will come again`,
    );
  }
  if (cause.kind === "answer")
    return tell(problem.function, `answered ${JSON.stringify(cause.answer)}, which is no answer`);
  const reason = cause.error instanceof Error ? cause.error.message : String(cause.error);
  return tell(queue, `Cannot ${cause.kind} messages: ${reason}`);
}

function shownFailure(error: InvocationError): string {
  return error.trace ?? `${error.errorType}: ${error.message}`;
}
