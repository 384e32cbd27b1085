/** Owns: how an error is shown on a terminal: what is, what was expected, and the one thing to do next. */
import { PerdureError } from "../../sdk/error-catalogue.js";
import type { Terminal } from "./terminal.js";

/** An error with its remedy where it has one. */
export function tellError(terminal: Terminal, error: unknown): void {
  if (!(error instanceof PerdureError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.line(terminal.red(text));
    return;
  }
  terminal.line(`${terminal.red(error.code)}  ${error.message}`);
  terminal.line(`  ${error.remedy}`);
}
