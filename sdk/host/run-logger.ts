/**
 * Owns: the logger a handler is given: the client's own, silent while what was logged before is gone through again, and,
 * where it makes children (`logger.child`, as pino and winston do), one that says of which run, step and attempt a line is.
 * Must not: change a line of a logger that makes no children.
 */
import type { Logger, LogLevel } from "../logger.js";
import { bodyContext, type BodyContext } from "./step-context.js";

export interface LoggedRun {
  readonly functionId: string;
  readonly runId: string;
  readonly attempt: number;
}

/** A child says `{ functionId, runId, attempt }`, inside a body also `step`, with the attempt of that step. */
export function runLogger(logger: Logger, run: LoggedRun, isSilent: () => boolean): Logger {
  if (!logger.child) return forwarding(() => logger, isSilent);
  const { functionId, runId, attempt } = run;
  let own: Logger | null = null;
  const ofBodies = new WeakMap<BodyContext, Logger>();
  // A child is made when the first line is written: most passes over a function write none.
  return forwarding(() => {
    const body = bodyContext.getStore();
    if (!body) return (own ??= childOf(logger, { functionId, runId, attempt }));
    const known = ofBodies.get(body);
    if (known) return known;
    const child = childOf(logger, { functionId, runId, step: body.stepId, attempt: body.attempt });
    ofBodies.set(body, child);
    return child;
  }, isSilent);
}

function childOf(logger: Logger, context: { [key: string]: unknown }): Logger {
  return logger.child?.(context) ?? logger;
}

function forwarding(current: () => Logger, isSilent: () => boolean): Logger {
  const write =
    (level: LogLevel) =>
    (...parts: unknown[]): void => {
      if (!isSilent()) current()[level](...parts);
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (context) => {
      const children = new WeakMap<Logger, Logger>();
      return forwarding(() => {
        const parent = current();
        const child = children.get(parent) ?? childOf(parent, context);
        children.set(parent, child);
        return child;
      }, isSilent);
    },
  };
}
