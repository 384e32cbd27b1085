/**
 * Owns: sending a signal to the run that waits for it, exactly once however often the same sending is repeated.
 *
 *   look who waits ── aim ── put it into that run's inbox ── wake the run ── free the name
 *                      │      │ if absent: the timeout, or another sender, may have been first, and then it was not received
 *                      │ by token: a repetition goes to the same wait, whoever waits by then
 *
 * N1 Whether a signal was received is decided in the inbox, where the timeout is decided, too: nobody is told that a wait took
 *    it which has ended otherwise (test/model/signals.test.ts).
 * N2 Who dies on the way leaves a sending that can be repeated under its token, with the same result.
 */
import { sleep } from "../../sdk/clock.js";
import type { Json } from "../../sdk/protocol.js";
import { signalData } from "../../sdk/signals.js";
import { appOfRun } from "../core/ids.js";
import { EVENT_DEDUP_MS } from "../core/limits.js";
import { isLive, type RunHead } from "../core/run.js";
import { sendMessage } from "../queue/send.js";
import type { Services } from "../services.js";
import { InboxStore, type StoredArrival } from "../state/inbox-store.js";
import { packInline } from "../state/payloads.js";
import { RunStore } from "../state/run-store.js";
import { isSameTarget, SignalStore, type SignalTarget } from "../state/signal-store.js";
import { signalUnconfirmed } from "./signal-errors.js";

export interface OutgoingSignal {
  signal: string;
  data: Json;
  /** Names this sending: the same token is the same signal. */
  token: string;
}

/** What a sender may do. */
export interface SignalReach {
  /** Whether it may write into the runs of that app. What it may not, dispatch does for it. */
  mayWrite(appId: string): boolean;
  wake(head: RunHead): Promise<void>;
}

/** A worker writes its own app's runs only, and wakes them by its own queue. */
export function workerReach(services: Services, appId: string, stepQueueUrl: string): SignalReach {
  return {
    mayWrite: (other) => other === appId,
    wake: ({ runId, functionId }) =>
      sendMessage(services, stepQueueUrl, { v: 1, run: runId, fn: functionId, why: "arrival" }),
  };
}

/** A sending repeated after this time is another one. */
const SENT_KEPT_MS = EVENT_DEDUP_MS;
/** Waits that end just before a signal reaches them: each time the next one is looked for. */
const MAX_ROUNDS = 8;

/** Sends a signal. Answers the run that received it; null when none waits. Throws SIGNAL_INVALID or SIGNAL_UNCONFIRMED. */
export async function sendSignal(
  services: Services,
  reach: SignalReach,
  sending: OutgoingSignal,
): Promise<{ runId: string | null }> {
  signalData(sending.signal, sending.data);
  const store = new SignalStore(services);
  let missed: SignalTarget | null = null;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const target = await aim(store, sending, missed, sentTtl(services));
    if (!target) return { runId: null };
    if (!reach.mayWrite(appOfRun(target.run))) return throughDispatch(services, sending);
    const receiver = await deliver(services, sending, target);
    if (receiver) await reach.wake(receiver);
    await store.leave(sending.signal, target);
    if (receiver) return { runId: receiver.runId };
    missed = target;
  }
  throw signalUnconfirmed({ signal: sending.signal, waitedMs: 0 });
}

function sentTtl(services: Services): number {
  return Math.ceil((services.clock.now() + SENT_KEPT_MS) / 1_000);
}

/** The wait this sending goes to: the one that waits now, or whatever an earlier try has chosen. Null: nobody. */
async function aim(
  store: SignalStore,
  { signal, token }: OutgoingSignal,
  missed: SignalTarget | null,
  ttlSeconds: number,
): Promise<SignalTarget | null> {
  const waiting = await store.waiting(signal);
  const target = waiting && missed && isSameTarget(waiting, missed) ? null : waiting;
  return store.aim(signal, token, target, { missed, ttlSeconds });
}

/** Puts the signal into the run's inbox. Answers the run when the signal is what it received, now or earlier. */
async function deliver(
  services: Services,
  { signal, data, token }: OutgoingSignal,
  { run, op }: SignalTarget,
): Promise<RunHead | null> {
  const inbox = new InboxStore(services);
  const found = await new RunStore(services).get(run);
  if (!found) return null;
  const { head } = found;
  const arrival: StoredArrival = {
    why: "answer",
    // As JSON: a step's id is a part of it, and may hold what no item can, half a surrogate pair.
    by: `signal\n${JSON.stringify(token)}`,
    ok: packInline(JSON.stringify({ signal, data })),
  };
  // An ended run receives nothing; but it may have ended because of this very signal.
  const received = isLive(head.status)
    ? (await inbox.put(run, op, arrival, head.ttlSeconds)).first
    : (await inbox.get(run, op))?.by === arrival.by;
  return received ? head : null;
}

// Of another app's runs

const FIRST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 1_000;
/** A worker's step waits for dispatch this long, then its attempt has failed and the next asks again. */
const CONFIRM_WITHIN_MS = 20_000;

/** Leaves the sending to dispatch, which may write every app's runs, and waits for what came of it. */
async function throughDispatch(services: Services, sending: OutgoingSignal): Promise<{ runId: string | null }> {
  const { clock } = services;
  const store = new SignalStore(services);
  await sendMessage(services, services.settings.eventsQueueUrl, { v: 1, kind: "signal", ...sending });
  const untilMs = clock.monotonic() + CONFIRM_WITHIN_MS;
  for (let pauseMs = FIRST_LOOK_MS; clock.monotonic() < untilMs; pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS)) {
    await sleep(clock, pauseMs);
    const outcome = await store.outcome(sending.signal, sending.token);
    if (outcome) return outcome;
  }
  throw signalUnconfirmed({ signal: sending.signal, waitedMs: CONFIRM_WITHIN_MS });
}
