/**
 * Owns: how the dev server's lines look: aligned columns, colour only on a terminal that wants it, no decoration.
 * Must not: know what a run or a function is.
 */

export interface Terminal {
  line(text: string): void;
  dim(text: string): string;
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

export interface TerminalOutput {
  isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** https://no-color.org: set and not empty means no colour. */
export function openTerminal(output: TerminalOutput, environment: NodeJS.ProcessEnv): Terminal {
  const coloured = output.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    line: (text) => void output.write(`${text}\n`),
    dim: paint(2),
    bold: paint(1),
    red: paint(31),
    green: paint(32),
    yellow: paint(33),
  };
}

/** Rows as aligned columns, two spaces between them, none at the end of a line. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** 812 ms, 2.1 s, 3 m 05 s, 2 h 10 m, 12 d 4 h. */
export function shownDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (seconds < 60) return `${(durationMs / 1000).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

/** Three significant digits, never an exponent: $0.0000231. */
export function shownDollars(usd: number): string {
  if (usd === 0) return "$0";
  const digits = Math.max(2, 2 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(Math.min(digits, 12))}`;
}

/** Text of a stranger's in one piece: what a terminal would obey is escaped, further lines are indented like the first. */
export function shownText(text: string, indent: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    })
    .replaceAll("\n", `\n${indent}`);
}

export function shownTime(nowMs: number): string {
  return new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" }).format(nowMs);
}
