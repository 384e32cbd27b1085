/**
 * Owns: the requests that carry events and signals to Perdure's API: where they go, how often they are tried, what their
 * answers mean.
 * Must not: show the event key, which is a part of the URL, in an error.
 * S1 All attempts of one send carry one request id, from which ingest derives the events' ids: a repeated request is known.
 * S2 Events never go to localhost because a setting was forgotten: the laptop's defaults hold only when nothing at all is
 *    configured, outside Lambda and outside production.
 */
import { sleep, type Clock, type Random } from "./clock.js";
import { PerdureError } from "./error-catalogue.js";
import { sendNotConfigured, sendRefused, sendUnreachable } from "./errors.js";
import type { Json, OutgoingEvent } from "./protocol.js";

/** As much of `fetch` as is used: the global one fits, and so does a fake of a few lines. */
export type FetchLike = (
  url: string,
  request: {
    method: "POST";
    headers: Record<string, string>;
    body: string;
    redirect: "manual";
    signal: AbortSignal;
  },
) => Promise<{ status: number; headers: { get(name: string): string | null }; text(): Promise<string> }>;

export interface SendWorld {
  clock: Clock;
  random: Random;
  fetch: FetchLike;
  environment(): Readonly<Record<string, string | undefined>>;
}

export interface SendTarget {
  baseUrl: string;
  eventKey: string;
}

const LOCAL: SendTarget = { baseUrl: "http://localhost:8288", eventKey: "dev" };

/** Where events go: the options, else the environment, else (S2) the dev server. Throws SEND_NOT_CONFIGURED. */
export function sendTarget(
  options: { [Member in keyof SendTarget]?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): SendTarget {
  // An empty variable is one that was not set: that is how shells and templates write it.
  const baseUrl = options.baseUrl || environment.PERDURE_URL;
  const eventKey = options.eventKey || environment.PERDURE_EVENT_KEY;
  if (baseUrl && eventKey) {
    if (URL.canParse(baseUrl)) return { baseUrl, eventKey };
    throw sendNotConfigured({ is: "PERDURE_URL is not a URL" });
  }
  if (baseUrl) throw sendNotConfigured({ is: "there is a base URL but no event key" });
  if (eventKey) throw sendNotConfigured({ is: "there is an event key but no base URL" });
  if (environment.AWS_LAMBDA_FUNCTION_NAME || environment.NODE_ENV === "production") {
    throw sendNotConfigured({ is: "there is neither a base URL nor an event key, and this is not a laptop" });
  }
  return LOCAL;
}

const MAX_RETRIES = 5;
/** API Gateway gives up on its integration after 30 s; what has not answered by then never will. */
const ATTEMPT_TIMEOUT_MS = 30_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
const MAX_RETRY_AFTER_MS = 30_000;
const MAX_ANSWER_CHARACTERS = 1_000;

type Attempt<Answer> =
  | { kind: "accepted"; answer: Answer }
  | { kind: "refused"; error: PerdureError }
  | { kind: "failed"; reason: string; cause: unknown; retryAfterMs: number };

/** Posts events until they are accepted or refused, at most six times. */
export async function postEvents(
  target: SendTarget,
  events: readonly OutgoingEvent[],
  world: SendWorld,
): Promise<{ ids: string[] }> {
  const url = `${baseOf(target)}/e/${encodeURIComponent(target.eventKey)}`;
  const readAnswer = (answer: unknown): { ids: string[] } | null => {
    const ids = idsOf(answer);
    return ids?.length === events.length ? { ids } : null;
  };
  return postUntilKnown({ url, headers: {}, body: JSON.stringify(events), readAnswer }, world);
}

/** Posts a signal, likewise. Answers the run that received it; null when none waits. */
export async function postSignal(
  target: SendTarget,
  signal: { signal: string; data: Json },
  world: SendWorld,
): Promise<{ runId: string | null }> {
  const url = `${baseOf(target)}/api/v1/signals`;
  const headers = { authorization: `Bearer ${target.eventKey}` };
  return postUntilKnown({ url, headers, body: JSON.stringify(signal), readAnswer: receiverOf }, world);
}

async function postUntilKnown<Answer>(posting: Omit<Posting<Answer>, "requestId">, world: SendWorld): Promise<Answer> {
  const requestId = `${world.clock.now()}-${hex(world.random.bytes(16))}`;
  for (let attempt = 0; ; attempt += 1) {
    const result = await post({ ...posting, requestId }, world);
    if (result.kind === "accepted") return result.answer;
    if (result.kind === "refused") throw result.error;
    if (attempt === MAX_RETRIES) {
      throw sendUnreachable({ attempts: attempt + 1, reason: result.reason }, { cause: result.cause });
    }
    await sleep(world.clock, Math.max(result.retryAfterMs, backoffMs(attempt, world.random)));
  }
}

/** 100, 200, 400 … ms, of which up to a half is left out by chance so that many senders do not come back as one. */
function backoffMs(attempt: number, random: Random): number {
  return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt) * (0.5 + random.unit() / 2);
}

interface Posting<Answer> {
  url: string;
  headers: Record<string, string>;
  requestId: string;
  body: string;
  /** What the answer says; null when it is not one of ours. */
  readAnswer(answer: unknown): Answer | null;
}

async function post<Answer>(posting: Posting<Answer>, world: SendWorld): Promise<Attempt<Answer>> {
  const timeout = new AbortController();
  const cancelTimeout = world.clock.after(ATTEMPT_TIMEOUT_MS, () => timeout.abort());
  try {
    const response = await world.fetch(posting.url, {
      method: "POST",
      headers: {
        ...posting.headers,
        "content-type": "application/json",
        "x-perdure-request-id": posting.requestId,
      },
      body: posting.body,
      // A redirect would repeat the POST as a GET and answer 200 with a page: it is shown as the wrong address it is.
      redirect: "manual",
      signal: timeout.signal,
    });
    const text = await response.text();
    return judge(response.status, text, response.headers.get("retry-after"), posting);
  } catch (cause) {
    const reason = timeout.signal.aborted ? `no answer within ${ATTEMPT_TIMEOUT_MS} ms` : transportReason(cause);
    return { kind: "failed", reason, cause, retryAfterMs: 0 };
  } finally {
    cancelTimeout();
  }
}

function baseOf({ baseUrl }: SendTarget): string {
  return baseUrl.replace(/\/+$/, "");
}

/** Node's fetch says "fetch failed" and hides why in the cause. Codes only: messages may hold the URL with the key. */
function transportReason(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const code: unknown = typeof cause === "object" && cause !== null ? Reflect.get(cause, "code") : undefined;
  return typeof code === "string" ? code : "a network error";
}

function judge<Answer>(
  status: number,
  text: string,
  retryAfter: string | null,
  { readAnswer }: Posting<Answer>,
): Attempt<Answer> {
  const answer = parsed(text);
  if (status >= 200 && status < 300) {
    const read = readAnswer(answer);
    if (read) return { kind: "accepted", answer: read };
    return { kind: "refused", error: sendRefused({ status, answer: text.slice(0, MAX_ANSWER_CHARACTERS) }) };
  }
  const error = answeredError(status, answer) ?? sendRefused({ status, answer: text.slice(0, MAX_ANSWER_CHARACTERS) });
  if (status !== 429 && status < 500) return { kind: "refused", error };
  return { kind: "failed", reason: `HTTP ${status}`, cause: error, retryAfterMs: retryAfterMs(retryAfter) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not ours: a proxy's page, say. The caller shows the text.
    return undefined;
  }
}

function idsOf(answer: unknown): string[] | null {
  const ids: unknown = member(answer, "ids");
  return Array.isArray(ids) && ids.every((id) => typeof id === "string") ? ids : null;
}

function receiverOf(answer: unknown): { runId: string | null } | null {
  const runId = member(member(answer, "data"), "runId");
  return typeof runId === "string" || runId === null ? { runId } : null;
}

/** The API's own error, as the API words it. */
function answeredError(status: number, answer: unknown): PerdureError | null {
  const error = member(answer, "error");
  const code = member(error, "code");
  const message = member(error, "message");
  const remedy = member(error, "remedy");
  if (typeof code !== "string" || typeof message !== "string") return null;
  const definition = {
    code: code.slice(0, MAX_ANSWER_CHARACTERS),
    status,
    retryable: status === 429 || status >= 500,
    remedy: typeof remedy === "string" ? remedy.slice(0, MAX_ANSWER_CHARACTERS) : "",
  };
  return new PerdureError(definition, message.slice(0, MAX_ANSWER_CHARACTERS));
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

/** Seconds only: the other form, a date, needs both clocks to agree. */
function retryAfterMs(header: string | null): number {
  const seconds = header !== null && /^\d{1,6}$/.test(header.trim()) ? Number(header) : 0;
  return Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
