/**
 * Owns: trace context (W3C Trace Context, `traceparent`): reading what a sender gave, and lines that carry its trace id. It
 * travels unchanged, from the request through events and runs to the events that runs send: the platform reports no spans, and
 * a span id of its own would name a parent that nobody ever finds.
 * Must not: make a trace where none was given, or refuse anything: a `traceparent` that cannot be read is as good as none.
 */
import type { Services } from "../services.js";
import type { Logger, LogLevel } from "../../sdk/logger.js";

/** version-traceid-parentid-flags; a later version may have more behind a further hyphen. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** The `traceparent` a header or a message holds, in version 00; undefined when it holds none that can be read. */
export function readTraceparent(value: unknown): string | undefined {
  const [, version = "", traceId = "", parentId = "", flags = "", more] =
    typeof value === "string" ? (TRACEPARENT.exec(value.trim()) ?? []) : [];
  if (traceId === "" || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(parentId)) return undefined;
  return `00-${traceId}-${parentId}-${flags}`;
}

/** The member of a message, or nothing. */
export function traceMember(trace: string | null | undefined): { trace?: string } {
  return typeof trace === "string" ? { trace } : {};
}

/** The same services, whose lines say which trace they belong to. */
export function tracedServices<S extends Pick<Services, "logger" | "metrics">>(
  services: S,
  trace: string | null | undefined,
): S {
  const [, traceId] = typeof trace === "string" ? trace.split("-") : [];
  if (traceId === undefined) return services;
  const { metrics } = services;
  return {
    ...services,
    logger: withPart(services.logger, { traceId }),
    metrics: {
      count: (name, occurrence) => metrics.count(name, { ...occurrence, about: { ...occurrence.about, traceId } }),
    },
  };
}

function withPart(logger: Logger, part: object): Logger {
  const pass =
    (level: LogLevel) =>
    (...parts: unknown[]): void =>
      logger[level](...parts, part);
  return { debug: pass("debug"), info: pass("info"), warn: pass("warn"), error: pass("error") };
}
