/**
 * Owns: `POST /api/v1/cancellations` and `GET /api/v1/cancellations/:id`: cancelling many runs of a function, and how far that
 * has come. The work itself is dispatch's, a page to a message (dispatch/cancel-page.ts).
 */
import { shown } from "../../sdk/error-catalogue.js";
import { childEventId, isUlid } from "../core/ids.js";
import { sendPage } from "../dispatch/cancel-page.js";
import { endedTtl } from "../executor/retain.js";
import { compileExpression } from "../expressions/cel.js";
import type { Registry } from "../registry/registry.js";
import { CancellationStore, type Cancellation } from "../state/cancellation-store.js";
import { functionSort } from "../state/keys.js";
import type { FunctionName } from "../state/run-feed.js";
import { invalidBody, notFound } from "./errors.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { readMembers } from "./read-body.js";
import { parseTime } from "./read-query.js";
import { EXPECTED, selectFunctions } from "./select-functions.js";
import { isoTime } from "./show-run.js";

/** The index that lists runs lags behind them, usually by less than a second: the first look waits for it. */
const FIRST_PAGE_DELAY_MS = 5_000;

export async function postCancellation(
  { services, registry }: ApiContext,
  { body, ids }: ApiRequest,
): Promise<ApiResult> {
  const nowMs = services.clock.now();
  const members = readMembers(body, ["functionId", "from", "to", "if"]);
  const range = readRange(members, nowMs);
  const condition = readCondition(members.get("if"));
  const { appId, functionId } = readFunction(members.get("functionId"), await registry.current());
  // Named after the request: repeated, it finds the bulk cancel it has made.
  const id = childEventId(`cancellation\n${ids.seed}`, 0, ids.atMs);
  const request = { id, appId, functionId, ...range, condition, createdAtMs: nowMs };
  const before = functionSort(range.toMs, "");
  const standing = await new CancellationStore(services).create(request, before, endedTtl(services, nowMs));
  if (standing.endedAtMs === null) await sendPage(services, standing, standing.page === 0 ? FIRST_PAGE_DELAY_MS : 0);
  return { data: showCancellation(standing) };
}

export async function getCancellation({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const found = isUlid(id) ? await new CancellationStore(services).get(id) : null;
  if (!found) throw notFound({ thing: "cancellation", id });
  return { data: showCancellation(found) };
}

/** `from` is inclusive, `to` is not, and both are over: what is created later is meant by nobody yet. */
function readRange(members: ReadonlyMap<string, unknown>, nowMs: number): { fromMs: number; toMs: number } {
  const fromMs = readTime(members, "from") ?? missing("from", "the time of creation from which runs are meant");
  const toMs = readTime(members, "to") ?? nowMs;
  if (toMs > nowMs) throw invalidBody({ is: "to lies in the future", expected: "a time that has passed, or none" });
  if (fromMs >= toMs) throw invalidBody({ is: "from is not before to", expected: "a range that holds some time" });
  return { fromMs, toMs };
}

function missing(name: string, expected: string): never {
  throw invalidBody({ is: `${name} is missing`, expected });
}

function readTime(members: ReadonlyMap<string, unknown>, name: string): number | null {
  const value = members.get(name);
  if (value === undefined) return null;
  const ms = typeof value === "number" || typeof value === "string" ? parseTime(String(value)) : null;
  if (ms !== null) return ms;
  const expected = "an ISO 8601 time with its zone such as 2026-03-01T09:00:00Z, a date, or ms since 1970";
  throw invalidBody({ is: `${name} is ${shown(value)}`, expected });
}

/** Throws EXPRESSION_INVALID or EXPRESSION_TOO_COMPLEX, which point at the place. */
function readCondition(condition: unknown): string | null {
  if (condition === undefined) return null;
  if (typeof condition !== "string")
    throw invalidBody({ is: "if is not text", expected: "a CEL expression over event" });
  compileExpression(condition, { variables: ["event"] });
  return condition;
}

/** One function: a slip must not cancel a whole platform. */
function readFunction(name: unknown, registry: Registry): FunctionName {
  if (typeof name !== "string") return missing("functionId", EXPECTED);
  const refuse = (is: string, expected: string): Error => invalidBody({ is: `functionId is none: ${is}`, expected });
  const [named] = selectFunctions(name, registry, refuse);
  return named ?? missing("functionId", EXPECTED);
}

function showCancellation(cancellation: Cancellation): object {
  const { id, appId, functionId, condition, examined, cancelled } = cancellation;
  return {
    id,
    appId,
    functionId,
    from: isoTime(cancellation.fromMs),
    to: isoTime(cancellation.toMs),
    if: condition,
    status: cancellation.endedAtMs === null ? "Running" : "Completed",
    examined,
    cancelled,
    createdAt: isoTime(cancellation.createdAtMs),
    endedAt: isoTime(cancellation.endedAtMs),
  };
}
