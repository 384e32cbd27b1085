/** Owns: the form of a bench line: one JSON object a line, so that results can be kept and compared. */

export interface Line {
  bench: string;
  [measure: string]: unknown;
}

export function report(line: Line): void {
  console.log(JSON.stringify(line));
}

/** The value below which `share` of the samples lie. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));
