/** Owns: the logger a user may bring, and the one they get. Any logger with these four methods fits (console, pino, winston). */
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Logger {
  debug(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
  /** A logger whose lines carry this, too. One that has it gets lines with the run, the step and the attempt they are of. */
  child?(context: { [key: string]: unknown }): Logger;
}

export const consoleLogger: Logger = console;
