/** Owns: the logger a user may bring, and the one they get. Any logger with these four methods fits (console, pino, winston). */
export interface Logger {
  debug(...parts: unknown[]): void;
  info(...parts: unknown[]): void;
  warn(...parts: unknown[]): void;
  error(...parts: unknown[]): void;
}

/** Silent while `isSilent()` is true: a replayed line was already written when it first ran. */
export function quietable(logger: Logger, isSilent: () => boolean): Logger {
  const pass =
    (level: keyof Logger) =>
    (...parts: unknown[]): void => {
      if (!isSilent()) logger[level](...parts);
    };
  return { debug: pass("debug"), info: pass("info"), warn: pass("warn"), error: pass("error") };
}

export const consoleLogger: Logger = console;
