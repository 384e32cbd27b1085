/**
 * Owns: `GET /api/v1/runs`: runs, newest first, a page at a time. The index names candidates; each is shown, and filtered
 * by status, as its head says now.
 */
import type { RunStatus } from "../core/run.js";
import type { Services } from "../services.js";
import type { StoredRun } from "../state/head-item.js";
import { functionSort, parseFunctionSort } from "../state/keys.js";
import { encodeCursor, readCursor } from "./cursor.js";
import { invalidQuery } from "./errors.js";
import { fitRows } from "./fit-rows.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { readInteger, readTime, readWord } from "./read-query.js";
import { readRuns } from "../state/read-runs.js";
import { RunFeed, type FeedRange } from "../state/run-feed.js";
import { selectFunctions } from "./select-functions.js";
import { showRuns } from "./show-run.js";

const PAGE_SIZE = { min: 1, max: 200, otherwise: 50 };
const STATUSES: readonly RunStatus[] = ["Queued", "Running", "Completed", "Failed", "Cancelled"];
/** Heads one page looks at. A rare status gives short pages with a cursor, never a request that takes minutes. */
const MAX_CANDIDATES = 1_000;
/** Heads read at a time while filtering: what one BatchGetItem takes. */
const FILTER_BATCH = 100;
/** How far back a list goes that says nothing of it: a run may sleep for a year. */
const LOOK_BACK_MS = 366 * 24 * 3_600_000;
/** Runs are dated by other machines, whose clocks may be ahead. */
const AHEAD_MS = 60_000;

interface PageRequest {
  status: RunStatus | null;
  limit: number;
}

interface Page {
  runs: StoredRun[];
  /** The next page's place, or null on the last one. */
  before: string | null;
}

export async function listRuns({ services, registry }: ApiContext, { query }: ApiRequest): Promise<ApiResult> {
  const limit = readInteger(query, "limit", PAGE_SIZE);
  const status = readWord(query, "status", STATUSES);
  const range = readRange(query, services.clock.now());
  const functions = selectFunctions(query.get("function"), await registry.current());
  const page = await readPage(services, new RunFeed(services, functions, range, limit), { status, limit });
  const data = fitRows(await showRuns(services, page.runs));
  return page.before === null ? { data } : { data, cursor: encodeCursor(page.before) };
}

/** `from` is inclusive, `until` is not: consecutive ranges neither overlap nor leave a gap. */
function readRange(query: ReadonlyMap<string, string>, nowMs: number): FeedRange {
  const from = readTime(query, "from");
  const until = readTime(query, "until");
  if (from !== null && until !== null && from >= until) {
    throw invalidQuery({ name: "from", is: "it is not before until", expected: "a range that holds some time" });
  }
  const untilMs = Math.min(until ?? Number.POSITIVE_INFINITY, nowMs + AHEAD_MS);
  const fromMs = from ?? Math.max(0, untilMs - LOOK_BACK_MS);
  const end = functionSort(untilMs, "");
  const cursor = query.get("cursor");
  const before = cursor === undefined ? end : readCursor(cursor);
  return { fromMs, before: before < end ? before : end };
}

/** Looks at candidates until the page is full, its work is done, or there are no more. */
async function readPage(services: Services, feed: RunFeed, { status, limit }: PageRequest): Promise<Page> {
  const runs: StoredRun[] = [];
  let last: string | null = null;
  for (let examined = 0; examined < MAX_CANDIDATES;) {
    // One more than fits: only if there is one does the page have a cursor.
    const missing = limit + 1 - runs.length;
    const count = Math.min(status === null ? missing : FILTER_BATCH, MAX_CANDIDATES - examined);
    const places = await feed.take(count);
    const ids = places.map((place) => parseFunctionSort(place).runId);
    const found = await readRuns(services, ids);
    for (const [index, place] of places.entries()) {
      const run = found.get(ids[index] ?? "");
      const fits = run !== undefined && (status === null || run.head.status === status);
      if (fits && runs.length === limit) return { runs, before: last };
      if (fits) runs.push(run);
      last = place;
    }
    if (places.length < count) return { runs, before: feed.resumeBefore };
    examined += places.length;
  }
  return { runs, before: last };
}
