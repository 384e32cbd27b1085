/**
 * Owns: what happens to a world beside its calls, and when: requests, sweeps, kills and freezes of sandboxes, new code,
 * cancels, a purged queue, a service that is down. Drawn before the world begins, carried out by the simulation.
 */
import type { Random } from "../../../sdk/clock.js";
import { MINUTE, SECOND } from "../../scenario/world.js";
import type { Swarm } from "../swarm.js";

export type Deed =
  | "request"
  | "crowd"
  | "disaster"
  | "sweep"
  | "kill"
  | "freeze"
  | "redeploy"
  | "cancel"
  | "cancel in bulk"
  | "purge"
  | "outage"
  | "look";

export interface PlannedDeed {
  atMs: number;
  deed: Deed;
  /** A number in [0, 1) to decide with what is not known before: whom it strikes, how long. */
  chance: number;
}

const LOOK_MS = 30 * SECOND;

/** In order of time. Requests come early, so that the rest finds something to disturb. */
export function planDeeds(swarm: Swarm, random: Random): PlannedDeed[] {
  const deeds: PlannedDeed[] = [];
  const add = (deed: Deed, atMs: number): void => void deeds.push({ atMs, deed, chance: random.unit() });
  const times = (deed: Deed, count: number, withinMs: number): void => {
    for (let index = 0; index < count; index += 1) add(deed, Math.floor(random.unit() * withinMs));
  };
  add("request", 0);
  times("request", swarm.requests - 1, swarm.chaosMs / 2);
  times("kill", swarm.kills, Math.min(swarm.chaosMs, 2 * MINUTE));
  times("freeze", swarm.freezes, Math.min(swarm.chaosMs, 2 * MINUTE));
  times("redeploy", swarm.redeploys, swarm.chaosMs);
  times("cancel", swarm.cancels, swarm.chaosMs);
  times("purge", swarm.purges, swarm.chaosMs);
  times("outage", swarm.outages, swarm.chaosMs / 2);
  for (let atMs = MINUTE; atMs < swarm.chaosMs; atMs += MINUTE) {
    for (let sweeper = 0; sweeper < swarm.sweepers; sweeper += 1) add("sweep", atMs);
  }
  for (let atMs = LOOK_MS; atMs < swarm.chaosMs; atMs += LOOK_MS) add("look", atMs);
  times("cancel in bulk", swarm.bulkCancels, swarm.chaosMs);
  times("crowd", swarm.crowds, swarm.chaosMs / 2);
  times("disaster", swarm.disasters, Math.min(swarm.chaosMs, 4 * MINUTE));
  return deeds.sort((a, b) => a.atMs - b.atMs);
}
