/**
 * Owns: an operator who cancels many runs of one function with one request: by when they were created, some by an expression
 * over their event. Some ask twice under the same request id, as one who got no answer does.
 */
import type { Random } from "../../../sdk/clock.js";
import { SIGNING_KEY, type World } from "../../../local/world/world.js";
import { DAY, SECOND, START_MS } from "../../scenario/world.js";
import type { Program } from "../program.js";

export interface BulkCancelRequest {
  functionId: string;
  fromMs: number;
  /** Null: up to when it is asked. */
  toMs: number | null;
  /** Means runs whose event's mark ends so; null for all. */
  ending: string | null;
}

export interface BulkCancelRecord extends BulkCancelRequest {
  /** The names under which it was accepted, one for each answer: all the same. */
  acceptedAs: string[];
}

/** More months than one page of the list of runs looks at. */
const LONG_AGO_MS = 9 * 366 * DAY;
/** Clocks differ: a time nearer than this may lie ahead of the one who is asked. */
const PAST_MS = 3 * SECOND;
const WHOLE_DAY_BEFORE_MS = START_MS - DAY;

export class BulkCancels {
  readonly asked: BulkCancelRecord[] = [];
  readonly #world: World;
  readonly #now: () => number;
  readonly #random: Random;

  constructor(world: World, now: () => number, random: Random) {
    this.#world = world;
    this.#now = now;
    this.#random = random;
  }

  async ask(programs: readonly Program[]): Promise<void> {
    const record: BulkCancelRecord = { ...this.#draw(programs), acceptedAs: [] };
    const requestId = `${this.#now()}-${Buffer.from(this.#random.bytes(16)).toString("hex")}`;
    const times = this.#random.unit() < 0.3 ? 2 : 1;
    this.asked.push(record);
    for (let time = 0; time < times; time += 1) {
      const id = await this.#post(record, requestId);
      if (id !== null) record.acceptedAs.push(id);
    }
  }

  #draw(programs: readonly Program[]): BulkCancelRequest {
    const unit = (): number => this.#random.unit();
    const program = programs[Math.floor(unit() * programs.length)];
    const handler = unit() < 0.15 ? program?.handler : null;
    const lastMs = this.#now() - PAST_MS;
    const recentMs = START_MS + Math.floor(unit() * Math.max(0, lastMs - START_MS));
    const how = unit();
    const longAgoMs = START_MS - LONG_AGO_MS;
    const fromMs = how < 0.2 ? longAgoMs : how < 0.7 ? WHOLE_DAY_BEFORE_MS : Math.min(recentMs, lastMs);
    const toMs = unit() < 0.4 ? fromMs + Math.floor(unit() * (lastMs - fromMs)) : null;
    return {
      functionId: handler?.functionId ?? program?.functionId ?? "",
      fromMs,
      toMs: toMs === null || toMs <= fromMs ? null : toMs,
      ending: unit() < 0.4 ? String(Math.floor(unit() * 2)) : null,
    };
  }

  /** The name under which it was accepted; null when it was not, or nobody knows. */
  async #post({ functionId, fromMs, toMs, ending }: BulkCancelRequest, requestId: string): Promise<string | null> {
    const body = {
      functionId,
      from: fromMs,
      ...(toMs === null ? {} : { to: toMs }),
      ...(ending === null ? {} : { if: conditionOf(ending) }),
    };
    const headers = { authorization: `Bearer ${SIGNING_KEY}`, "x-perdure-request-id": requestId };
    const answer = await this.#world.request("POST", "/api/v1/cancellations", body, headers).catch(() => null);
    if (answer?.status !== 200) return null;
    const { data } = JSON.parse(Buffer.from(answer.body).toString()) as { data: { id: string } };
    return data.id;
  }
}

export function conditionOf(ending: string): string {
  return `event.data.canary.endsWith("${ending}")`;
}
