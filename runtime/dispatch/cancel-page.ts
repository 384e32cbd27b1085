/**
 * Owns: one page of a bulk cancel: the next runs of the function, newest first; those that are live and fit are cancelled.
 * The next page goes in a message of its own, so that no bulk cancel holds up what else is dispatched, and a page that dies
 * is done again: what it had cancelled by then is known by the reason on the runs.
 */
import { forEachLimited } from "../core/limited.js";
import { isLive } from "../core/run.js";
import { cancelledInBulk, reasonOf } from "../executor/cancel-reasons.js";
import { cancelLiveRun } from "../executor/cancel.js";
import { findTriggeringEvents } from "../executor/triggering-events.js";
import { compileExpression, type CompiledExpression } from "../expressions/cel.js";
import { sendMessage, type QueuedWake } from "../queue/send.js";
import type { Registry } from "../registry/registry.js";
import type { Services } from "../services.js";
import { CancellationStore, type Cancellation, type CountedPage } from "../state/cancellation-store.js";
import type { StoredRun } from "../state/head-item.js";
import { parseFunctionSort } from "../state/keys.js";
import { readRuns } from "../state/read-runs.js";
import { RunFeed } from "../state/run-feed.js";

/** What one message does: at some 20 ms a cancel, well within the 30 s of a dispatch. */
const RUNS_A_PAGE = 200;
const PARALLEL_CANCELS = 16;

/** Does a page and sends for the next. Answers wakes for cancelled runs that leave something to do, which a worker does. */
export async function cancelPage(
  services: Services,
  registry: Registry,
  message: { cancellation: string; page: number },
): Promise<QueuedWake[]> {
  const store = new CancellationStore(services);
  const found = await store.get(message.cancellation);
  if (!found) return [];
  if (!found || found.endedAtMs !== null) return [];
  // Counted by a copy of this message, which may have died before it sent for the next page.
  if (found.page === message.page + 1) await sendPage(services, found);
  if (found.page !== message.page) return [];
  const { cancelled, ...page } = await cancelRuns(services, found);
  const now = await store.count(found.id, { ...page, cancelled: cancelled.length });
  if (now.endedAtMs === null) await sendPage(services, now);
  return wakesOf(registry, found.appId, cancelled);
}

/** Asks for the page a bulk cancel has come to. */
export async function sendPage(services: Services, { id, page }: Cancellation, delayMs = 0): Promise<void> {
  const message = { v: 1, kind: "cancel-runs", cancellation: id, page } as const;
  await sendMessage(services, services.settings.eventsQueueUrl, message, delayMs);
}

type Page = Omit<CountedPage, "cancelled"> & { cancelled: StoredRun[] };

async function cancelRuns(services: Services, cancellation: Cancellation): Promise<Page> {
  const { appId, functionId, fromMs, page, before } = cancellation;
  const feed = new RunFeed(services, [{ appId, functionId }], { fromMs, before }, RUNS_A_PAGE);
  const places = await feed.take(RUNS_A_PAGE);
  const runs = await readRuns(
    services,
    places.map((place) => parseFunctionSort(place).runId),
  );
  const condition =
    cancellation.condition === null ? null : compileExpression(cancellation.condition, { variables: ["event"] });
  const cancelled: StoredRun[] = [];
  await forEachLimited([...runs.values()], PARALLEL_CANCELS, async (run) => {
    const ended = await cancelOne(services, cancellation.id, condition, run);
    if (ended) cancelled.push(ended);
  });
  const isFull = places.length === RUNS_A_PAGE;
  return { page, before: isFull ? (places.at(-1) ?? null) : feed.resumeBefore, examined: runs.size, cancelled };
}

/** The run when this bulk cancel has cancelled it, now or when the page was first begun. */
async function cancelOne(
  services: Services,
  cancellation: string,
  condition: CompiledExpression | null,
  run: StoredRun,
): Promise<StoredRun | null> {
  const reason = reasonOf(cancelledInBulk({ runId: run.head.runId, cancellation }));
  const isLeft = isLive(run.head.status) && (condition === null || (await fits(services, condition, run)));
  const now = isLeft ? await cancelLiveRun(services, run.head, reason) : run;
  return now?.head.reason?.message === reason.message ? now : null;
}

async function fits(services: Services, condition: CompiledExpression, run: StoredRun): Promise<boolean> {
  const [event] = await findTriggeringEvents(services, run);
  return event !== undefined && condition.evaluate({ event });
}

function wakesOf(registry: Registry, appId: string, cancelled: readonly StoredRun[]): QueuedWake[] {
  const app = registry.apps.get(appId);
  // Without its app the sweeper finds what is left to do by the due times.
  if (!app) return [];
  return cancelled
    .filter(({ head }) => head.effects.length > 0)
    .map(({ head }) => ({
      queueUrl: app.stepQueueUrl,
      wake: { v: 1, run: head.runId, fn: head.functionId, why: "arrival" },
      delayMs: 0,
    }));
}
