/** Owns: the platform's own log lines: one JSON object a line, with the same keys everywhere; no payloads, no secrets. */
import { visibleJson } from "../../sdk/error-catalogue.js";
import type { Logger } from "../../sdk/logger.js";

type Level = "debug" | "info" | "warn" | "error";

/** A line as it is written: whatever it is about, it is one line, and no terminal obeys what is in it. */
export function logLine(level: Level, at: string, parts: readonly unknown[]): string {
  return visibleJson(JSON.stringify(logRecord(level, at, parts)));
}

/** What a line holds. Errors become name, code and message. */
export function logRecord(level: Level, at: string, parts: readonly unknown[]): Record<string, unknown> {
  const [message, ...rest] = parts;
  const line: Record<string, unknown> = { level, timestamp: at, message: String(message) };
  for (const part of rest) {
    if (part instanceof Error) line["error"] = describeError(part);
    else if (typeof part === "object" && part !== null) Object.assign(line, part);
  }
  return line;
}

function describeError(error: Error): Record<string, unknown> {
  const code: unknown = "code" in error ? error.code : undefined;
  const cause = error.cause instanceof Error ? { cause: describeError(error.cause) } : {};
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...(code === undefined ? {} : { code }),
    ...cause,
  };
}

/** Past the console: Lambda's own would wrap the line, or put a prefix before it, and CloudWatch would not see its keys. */
const write =
  (level: Level) =>
  (...parts: unknown[]): void => {
    writeLine(level, logLine(level, new Date().toISOString(), parts));
  };

export function writeLine(level: Level, line: string): void {
  const stream = level === "warn" || level === "error" ? process.stderr : process.stdout;
  stream.write(`${line}\n`);
}

export const jsonLogger: Logger = {
  debug: write("debug"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};
