/** Owns: what the outside does to a world: requests with events, some with ids used before, some for a later time; cancels. */
import type { Random } from "../../sdk/clock.js";
import { EVENT_KEY, SIGNING_KEY, type World } from "../../local/world/world.js";
import { MINUTE } from "../scenario/world.js";
import type { Program } from "./program.js";

export interface ExternalEvent {
  functionId: string;
  canary: string;
  senderId: string | null;
  /** It was received at this time or later. */
  sentAtMs: number;
  /** No body may begin before it. */
  notBeforeMs: number;
}

export interface PostedRequest {
  events: ExternalEvent[];
  /** Ingest answered 200. Anything else says nothing: all of it, or none, was taken. */
  accepted: boolean;
}

export interface CancelRecord {
  /** The run that an operator has named; null when an event was sent for it to find, by its mark. */
  runId: string | null;
  canary: string | null;
  /** When the cancel was answered with success; null when it was not. */
  acknowledgedAtMs: number | null;
}

/** Ends the run whose event has the same mark. */
export const STOP_EVENT = "sim/stop";
const MAX_EVENTS = 3;
const SENDER_IDS = 3;
const LEAST_CROWD = 3;
const MAX_CROWD = 7;

export class Outside {
  readonly requests: PostedRequest[] = [];
  readonly cancels: CancelRecord[] = [];
  readonly #world: World;
  readonly #now: () => number;
  readonly #random: Random;

  constructor(world: World, now: () => number, random: Random) {
    this.#world = world;
    this.#now = now;
    this.#random = random;
  }

  async post(programs: readonly Program[]): Promise<void> {
    const count = 1 + Math.floor(this.#random.unit() * MAX_EVENTS);
    const events: ExternalEvent[] = [];
    const bodies: object[] = [];
    for (let index = 0; index < count; index += 1) {
      const program = programs[Math.floor(this.#random.unit() ** 2 * programs.length)];
      if (!program) continue;
      const canary = `request${this.requests.length}:event${index}`;
      const senderId = this.#random.unit() < 0.2 ? `sender-${Math.floor(this.#random.unit() * SENDER_IDS)}` : null;
      const isLater = this.#random.unit() < 0.1;
      const notBeforeMs = isLater ? this.#now() + Math.floor(this.#random.unit() * 20 * MINUTE) : 0;
      events.push({ functionId: program.functionId, canary, senderId, sentAtMs: this.#now(), notBeforeMs });
      const ts = isLater ? { ts: notBeforeMs } : {};
      bodies.push({ name: program.eventName, data: { canary }, ...(senderId === null ? {} : { id: senderId }), ...ts });
    }
    await this.#send(events, bodies);
  }

  /** Many events for one function at once, rather one that is limited. */
  async crowd(programs: readonly Program[], chance: number): Promise<void> {
    const limited = programs.filter(({ concurrency }) => concurrency.length > 0);
    const candidates = limited.length > 0 ? limited : programs;
    const program = candidates[Math.floor(chance * candidates.length)];
    if (!program) return;
    // The same number says how far into its share of them it is: no second draw is needed.
    const count = LEAST_CROWD + Math.floor(((chance * candidates.length) % 1) * (MAX_CROWD - LEAST_CROWD + 1));
    const about = { functionId: program.functionId, senderId: null, sentAtMs: this.#now(), notBeforeMs: 0 };
    const place = this.requests.length;
    const events = Array.from({ length: count }, (_, index) => ({ ...about, canary: `request${place}:event${index}` }));
    await this.#send(
      events,
      events.map(({ canary }) => ({ name: program.eventName, data: { canary } })),
    );
  }

  async #send(events: ExternalEvent[], bodies: readonly object[]): Promise<void> {
    const request: PostedRequest = { events, accepted: false };
    this.requests.push(request);
    const { status } = await this.#world.request("POST", `/e/${EVENT_KEY}`, bodies);
    request.accepted = status === 200;
  }

  /** An event that fits the `cancelOn` of the run of an event sent before, whether it has begun, ended, or not. */
  async stop(chance: number): Promise<void> {
    const sent = this.requests.flatMap(({ events }) => events);
    const { canary } = sent[Math.floor(chance * sent.length)] ?? {};
    if (canary === undefined) return;
    this.cancels.push({ runId: null, canary, acknowledgedAtMs: null });
    await this.#world.request("POST", `/e/${EVENT_KEY}`, [{ name: STOP_EVENT, data: { canary } }]);
  }

  async cancel(runId: string): Promise<void> {
    const record: CancelRecord = { runId, canary: null, acknowledgedAtMs: null };
    this.cancels.push(record);
    const headers = { authorization: `Bearer ${SIGNING_KEY}` };
    const { status } = await this.#world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers);
    if (status === 200) record.acknowledgedAtMs = this.#now();
  }
}
