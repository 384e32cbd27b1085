/**
 * The thread that beats for the turns of this sandbox. Bundled on its own and carried inside `perdure/lambda` as text, so
 * that it works in whatever single file a user's worker is bundled into, without loading the user's code a second time.
 * It has a clock, AWS clients and the same beat as any heart: `EventLoopHeart` on an event loop nobody can block.
 */
import { parentPort } from "node:worker_threads";
import { EventLoopHeart } from "../executor/heartbeat.js";
import { Lease } from "../executor/lease.js";
import { loggedMetrics } from "../observe/metrics.js";
import { readWiring } from "./wiring.js";
import type { FromHeart, ToHeart } from "./heartbeat-thread.js";

const port = parentPort;
if (!port) throw new TypeError("Cannot beat: this module is the body of a worker thread");

// It counts nothing: what loads the metrics stays out of the thread's bundle.
const { services } = readWiring((_platform, logger) => loggedMetrics(logger));
const heart = new EventLoopHeart(services);
const beating = new Map<number, { stop(): Promise<void> }>();
const tell = (message: FromHeart): void => port.postMessage(message);

port.on("message", (message: ToHeart) => {
  if (message.do === "start") start(message);
  else void stop(message.turn);
});

function start({
  turn,
  runId,
  epoch,
  wakes,
  elapsedMs,
  receipt,
  extended,
  firstBeat,
}: Extract<ToHeart, { do: "start" }>): void {
  const sentAtMonotonicMs = services.clock.monotonic() - elapsedMs;
  const lease = new Lease(services.clock, { runId, epoch, wakes, sentAtMonotonicMs });
  // Written here, read there at once: a turn whose own loop was blocked must not take its lease for lost.
  lease.onExtended((sentMs) =>
    Atomics.store(extended, 0, process.hrtime.bigint() - toNs(services.clock.monotonic() - sentMs)),
  );
  lease.lost.addEventListener("abort", () => tell({ turn, is: "lost" }));
  beating.set(
    turn,
    heart.start(
      lease,
      receipt,
      (noticed) => tell({ turn, is: "woken", wakes: noticed }),
      () => Atomics.compareExchange(firstBeat, 0, 0, 1) === 0,
    ),
  );
}

async function stop(turn: number): Promise<void> {
  await beating.get(turn)?.stop();
  beating.delete(turn);
}

function toNs(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
