/**
 * Owns: the requests of somebody who sends events to a server that is killed meanwhile: each is repeated, under the same
 * request id, until it is answered or given up.
 * Must not: know what the events mean.
 */
import { sleep, type Clock, type Random } from "../../sdk/clock.js";
import type { RunSeen } from "./evidence.js";

/** Shorter than a long freeze: a repeated request then meets another sandbox, beside the frozen one. */
const REQUEST_TIMEOUT_MS = 12_000;
/** Between repetitions, each longer than the one before: a server that has just come back must not be buried in requests. */
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 4_000;
const PAGE = 200;
/** The share of requests whose answer is lost on the way, and how soon: the server may have done what was asked, or not. */
const LOST = 0.2;
const LOST_AFTER_MS = 150;

interface Answer {
  status: number;
  body: unknown;
}

interface Request {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: unknown;
  requestId?: string;
}

export class Client {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #random: Random;
  #hasGivenUp = false;
  #onAnswer: (() => void)[] = [];

  constructor(url: string, clock: Clock, random: Random) {
    this.#url = url;
    this.#clock = clock;
    this.#random = random;
  }

  /** From now on a request that is not answered is not repeated. */
  giveUp(): void {
    this.#hasGivenUp = true;
  }

  /** Resolves when the next event has just been answered with 200. */
  nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer.push(resolve);
    });
  }

  requestId(): string {
    return `${this.#clock.now()}-${Buffer.from(this.#random.bytes(16)).toString("hex")}`;
  }

  /** The event's id, or null when given up. `patience`: how often a request that was not answered is repeated. */
  async sendEvent(name: string, data: object, patience: number): Promise<string | null> {
    const request = { method: "POST", path: "/e/dev", body: { name, data }, requestId: this.requestId() } as const;
    const answer = await this.#until(request, ({ status }) => status === 200, patience);
    if (answer) for (const tell of this.#onAnswer.splice(0)) tell();
    return answer ? ((answer.body as { ids: string[] }).ids[0] ?? null) : null;
  }

  /** Which run received it: null when none did. Undefined: never answered. */
  async sendSignal(signal: string, data: number, patience: number): Promise<string | null | undefined> {
    const body = { signal, data };
    const request = { method: "POST", path: "/api/v1/signals", body, requestId: this.requestId() } as const;
    const answer = await this.#until(request, ({ status }) => status === 200, patience);
    return answer ? (answer.body as { data: { runId: string | null } }).data.runId : undefined;
  }

  /** True once the cancel was answered with 200; false when the run had ended otherwise, or nobody answered. */
  async cancel(runId: string, patience: number): Promise<boolean> {
    const request = { method: "DELETE", path: `/api/v1/runs/${runId}` } as const;
    const answer = await this.#until(request, ({ status }) => status === 200 || status === 409, patience);
    return answer?.status === 200;
  }

  /** The runs an event has started; null while the event is not stored yet, or nobody answers. */
  async runsOfEvent(eventId: string): Promise<RunSeen[] | null> {
    const answer = await this.#ask({ method: "GET", path: `/api/v1/events/${eventId}/runs` });
    return answer?.status === 200 ? (answer.body as { data: RunSeen[] }).data : null;
  }

  /** All runs of that status; null when nobody answers. */
  async runsOfStatus(status: string): Promise<RunSeen[] | null> {
    const runs: RunSeen[] = [];
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ status, limit: String(PAGE), ...(cursor === undefined ? {} : { cursor }) });
      const answer = await this.#ask({ method: "GET", path: `/api/v1/runs?${query.toString()}` });
      if (answer?.status !== 200) return null;
      const page = answer.body as { data: RunSeen[]; cursor?: string };
      runs.push(...page.data);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return runs;
  }

  #patienceMs(method: Request["method"]): number {
    const isLost = method !== "GET" && this.#random.unit() < LOST;
    return isLost ? Math.ceil(this.#random.unit() * LOST_AFTER_MS) : REQUEST_TIMEOUT_MS;
  }

  async #until(request: Request, isIt: (answer: Answer) => boolean, patience: number): Promise<Answer | null> {
    for (let tries = 0; tries <= patience; tries += 1) {
      const answer = await this.#ask(request);
      if (answer && isIt(answer)) return answer;
      if (this.#hasGivenUp) return null;
      await sleep(this.#clock, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries));
    }
    return null;
  }

  async #ask({ method, path, body, requestId }: Request): Promise<Answer | null> {
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers: {
          authorization: "Bearer dev",
          "content-type": "application/json",
          // A kept connection to a server that was killed would fail the next request for no reason of its own.
          connection: "close",
          ...(requestId === undefined ? {} : { "x-perdure-request-id": requestId }),
        },
        signal: AbortSignal.timeout(this.#patienceMs(method)),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      // Refused, reset, cut off in the middle, or late: all of them are "not answered".
      return null;
    }
  }
}
