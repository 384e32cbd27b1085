/**
 * Owns: what a campaign leaves behind to be judged: what was sent and answered, what was done to which process, what the
 * bodies wrote down, and what the API shows in the end.
 * Must not: judge.
 */
import { existsSync, readFileSync } from "node:fs";

export const KINDS = [
  "chain",
  "parent",
  "flaky",
  "once",
  "fan",
  "race",
  "group",
  "slow",
  "answered",
  "brief",
  "signalled",
  "doomed",
  "endless",
] as const;

/** Functions that an event of the load starts, by id. */
export type Kind = (typeof KINDS)[number];

/** A run as the API shows it, as far as it is looked at. */
export interface RunSeen {
  id: string;
  functionId: string;
  status: string;
  output: { value?: unknown; ids?: string[] } | null;
  error: { message: string } | null;
}

export interface Sent {
  /** Its own for every event that is sent. */
  n: number;
  kind: Kind;
  pauseMs: number;
  /** Answered with 200, with this id. Null: never answered so, and given up. */
  eventId: string | null;
  /** The runs the API has for its event, in the end. Null where there is no event id to ask with. */
  runs: RunSeen[] | null;
  /** The runs of the events it was answered it had sent itself (`chain`). */
  passedOn: RunSeen[];
  /** The one answer that was sent, for `answered` and `brief`. */
  answer: number | null;
  /** Signals, in the order they were sent. `told`: a run received it, nobody did, or the answer never came. */
  signals: { value: number; told: "received" | "nobody" | "unknown" }[];
  /** When the cancel was answered with 200. */
  cancelledAtMs: number | null;
}

export interface Effect {
  fn: string;
  n: number;
  runId: string;
  step: string;
  phase: "began" | "returned" | "threw";
  pid: number;
  atMs: number;
}

export interface Disturbance {
  what: "kill" | "freeze" | "restart" | "outage" | "server freeze";
  /** As its sandbox is called, such as "worker-3", or "server". */
  name: string;
  pid: number;
  fromMs: number;
  /** A kill is over at once; a freeze when it thaws; the server's end when it answers again. */
  untilMs: number;
}

export interface Evidence {
  sent: Sent[];
  effects: Effect[];
  disturbances: Disturbance[];
  /** Runs that are Queued or Running after the healing. */
  live: RunSeen[];
  /** Processes of the campaign that should be gone, as `ps` shows them. */
  strays: string[];
  /** What could not be brought to an end in the time given. */
  unfinished: string[];
}

export function readEffects(file: string): Effect[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  // The app (app.ts) is the only one who writes the file, each line at once.
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Effect);
}

/** Disturbances of the server concern whatever runs under it. */
export function struck({ pid, name }: Disturbance, process: number): boolean {
  return pid === process || name === "server";
}
