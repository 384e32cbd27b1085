/**
 * Owns: one campaign: the server is started, loaded and struck for a time, then healed, and must come to an end by itself.
 * Must not: judge; test/processes/checks.ts does.
 */
import { seededRandom, seedOf } from "../../local/aws/seeded-random.js";
import { realClock, sleep } from "../../sdk/clock.js";
import { Chaos } from "./chaos.js";
import { wrongWith } from "./checks.js";
import { Client } from "./client.js";
import { DevTree, freePort, type Place } from "./dev-tree.js";
import { readEffects, type Evidence, type RunSeen, type Sent } from "./evidence.js";
import { Load } from "./load.js";

export interface CampaignOptions {
  place: Place;
  /** How long events are sent and processes struck. */
  seconds: number;
  seed: number;
  tell(line: string): void;
  /** Called with what ends every process that was started, for whoever ends this one. */
  onStart(end: () => void): void;
}

export interface CampaignResult {
  /** For the table of `npm run prove`. */
  rows: [string, string][];
  /** Empty: every promise was kept. */
  problems: string[];
}

/**
 * By when everything has ended after the last strike. A message that a dead worker held comes back after a minute, and a run
 * may need that a few times; on a loaded machine longer. Where nothing is wrong most campaigns need a minute or less.
 */
const HEALING_MS = 300_000;
const POLL_MS = 1_000;
/** What comes later than the end is seen in this time. */
const AFTERWARDS_MS = 3_000;

const clock = realClock;

export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const { place, seconds, seed, tell } = options;
  const port = await freePort();
  const client = new Client(`http://127.0.0.1:${port}`, clock, seededRandom(seedOf(seed, 0)));
  const tree = new DevTree(place, port, clock);
  options.onStart(() => tree.end());
  const chaos = new Chaos(clock, seededRandom(seedOf(seed, 1)), () => client.nextAnswer(), tell);
  const load = new Load(client, clock, seededRandom(seedOf(seed, 2)));
  try {
    await tree.start();
    await Promise.all([load.run(seconds * 1_000), chaos.run(tree, seconds * 1_000)]);
    chaos.heal();
    const healedAtMs = clock.monotonic();
    tell(`healed; ${load.sent.length} events were sent`);
    const live = await untilQuiet(client, load);
    const healingMs = clock.monotonic() - healedAtMs;
    tell(`quiet after ${Math.round(healingMs / 1_000)} s`);
    const unfinished = [...load.pending.keys()].map((name) => `${name} got no answer`);
    load.giveUp();
    await sleep(clock, AFTERWARDS_MS);
    for (const sent of load.sent) await collect(client, sent);
    const { disturbances } = chaos;
    const strays = tree.strays();
    const evidence = {
      sent: load.sent,
      effects: readEffects(tree.effectsFile),
      disturbances,
      live,
      strays,
      unfinished,
    };
    return { rows: rowsOf(evidence, seconds, healingMs), problems: wrongWith(evidence) };
  } finally {
    chaos.heal();
    load.giveUp();
    tree.end();
  }
}

/** The runs that are live when the time is over; none as soon as there are none. */
async function untilQuiet(client: Client, load: Load): Promise<RunSeen[]> {
  const endMs = clock.monotonic() + HEALING_MS;
  let live: RunSeen[] = [];
  do {
    await sleep(clock, POLL_MS);
    const [queued, running] = [await client.runsOfStatus("Queued"), await client.runsOfStatus("Running")];
    if (queued === null || running === null) continue;
    live = [...queued, ...running];
    if (live.length === 0 && load.pending.size === 0 && (await areStored(client, load.sent))) return [];
  } while (clock.monotonic() < endMs);
  return live;
}

/** Every event that was answered has its runs: until then, no run being live says nothing. */
async function areStored(client: Client, sent: readonly Sent[]): Promise<boolean> {
  for (const { eventId } of sent) {
    if (eventId === null) continue;
    const runs = await client.runsOfEvent(eventId);
    if (runs === null) return false;
    for (const id of runs.flatMap(({ output }) => output?.ids ?? [])) {
      if ((await client.runsOfEvent(id)) === null) return false;
    }
  }
  return true;
}

async function collect(client: Client, sent: Sent): Promise<void> {
  if (sent.eventId === null) return;
  sent.runs = (await client.runsOfEvent(sent.eventId)) ?? [];
  for (const id of sent.runs.flatMap(({ output }) => output?.ids ?? [])) {
    sent.passedOn.push(...((await client.runsOfEvent(id)) ?? []));
  }
}

function rowsOf({ sent, effects, disturbances }: Evidence, seconds: number, healingMs: number): [string, string][] {
  const count = (...whats: string[]): number => disturbances.filter(({ what }) => whats.includes(what)).length;
  const begun = effects.filter(({ phase }) => phase === "began");
  const runs = new Set(effects.map(({ runId }) => runId)).size;
  const bodies = new Set(begun.map(({ runId, step }) => `${runId} ${step}`)).size;
  return [
    ["Real processes: seconds under load and struck · until quiet", `${seconds} · ${Math.round(healingMs / 1_000)}`],
    [
      "kill -9 of a sandbox · SIGSTOP · of the server",
      [count("kill"), count("freeze"), count("restart", "outage", "server freeze")].join(" · "),
    ],
    [
      "Events answered · runs · bodies · begun again",
      [sent.filter(({ eventId }) => eventId !== null).length, runs, bodies, begun.length - bodies].join(" · "),
    ],
  ];
}
