/** Owns: the table at the end of `npm run prove`, and what makes it fail. */
import { addSums, CHECK_COUNT, missedMarkers, noSums, type CampaignSums } from "./campaign.js";
import { MARKERS } from "./markers.js";

export interface ShareResult {
  crash: { singles: number; singlesWithSweeper: number; mappings: number; pairs: number; findings: string[] };
  sums: CampaignSums;
  /** Seeds of the worlds in which something was violated. */
  failures: number[];
}

export interface Summary {
  table: string;
  /** Empty: proven, as far as this goes. */
  problems: string[];
}

const DAY_MS = 86_400_000;
const count = (value: number): string => value.toLocaleString("en-US");

export function summarize(shares: readonly ShareResult[]): Summary {
  const sums = noSums();
  for (const share of shares) addSums(sums, share.sums);
  const crash = (name: "singles" | "singlesWithSweeper" | "mappings" | "pairs"): number =>
    shares.reduce((sum, share) => sum + share.crash[name], 0);
  const findings = shares.flatMap((share) => share.crash.findings);
  const failures = shares.flatMap((share) => share.failures);
  const missed = missedMarkers(sums);
  const markers = Object.keys(MARKERS).length;
  const rarest = Object.entries(sums.markers).sort(([, a], [, b]) => a - b)[0];
  const rows: [string, string][] = [
    ["Crash points: each call × each fault, nothing but SQS to heal", count(crash("singles"))],
    ["Crash points with the sweeper (core flows whole, others by seed)", count(crash("singlesWithSweeper"))],
    ["Broken connections of the event source mappings", count(crash("mappings"))],
    ["Pairs of faults, by seed", count(crash("pairs"))],
    ["Simulated worlds", count(sums.worlds)],
    ["of these run twice, with the same trace", count(sums.repeated)],
    ["Faults that struck in them", count(sums.faults)],
    ["Runs · passes · step bodies", [sums.runs, sums.passes, sums.bodies].map(count).join(" · ")],
    ["AWS calls · days of virtual time", [sums.calls, Math.round(sums.virtualMs / DAY_MS)].map(count).join(" · ")],
    ["Checks asked of each world", count(CHECK_COUNT)],
    [
      "Rare things met",
      `${markers - missed.length} of ${markers}${rarest ? ` (rarest: ${rarest.join(", in worlds: ")})` : ""}`,
    ],
    ["Violations", count(findings.length + failures.length)],
  ];
  return {
    table: ["| What | Number |", "|---|---|", ...rows.map(([what, number]) => `| ${what} | ${number} |`)].join("\n"),
    problems: [
      ...findings.map((finding) => `crash point: ${finding}`),
      ...failures.map((seed) => `world ${seed} violates a promise: npm run prove -- --seed ${seed}`),
      ...missed.map((marker) => `never met in ${sums.worlds} worlds: ${marker}`),
    ],
  };
}
