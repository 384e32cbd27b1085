/**
 * Goal: a wait whose time is up is seen after what the log holds before it, with the function at rest in between, as every
 * replay sees it; and one that the function has let go meanwhile is not seen at all (PROTOCOL §1, §2.1).
 * Method: two waits by hand, one that has an answer and one whose time is up. The end of the second is decided any number of
 * microtasks after the first one's was written down: when it falls between a result and the code that runs on it, too.
 */
import { describe, expect, it } from "vitest";
import { drainMicrotasks } from "../../../sdk/clock.js";
import { readHistory } from "../../../sdk/host/history.js";
import { Operations, type Operation } from "../../../sdk/host/operations.js";
import { PassLog } from "../../../sdk/host/pass-log.js";
import { Waits } from "../../../sdk/host/waits.js";
import type { Arrival, LogEntry, WaitingOp } from "../../../sdk/protocol.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";

const TIMED_OUT: Arrival = { ok: null, timedOut: true };
const NOW_MS = 1_000_000;
const answered: WaitingOp = { kind: "signal", untilMs: NOW_MS + 60_000, signal: "go", onConflict: "fail" };
const late: WaitingOp = { kind: "event", untilMs: NOW_MS - 1, on: [{ event: "shop/never" }] };

async function microtasks(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await Promise.resolve();
}

/** The names of the waits as the function sees them end, and as the log holds that they did. */
async function seenAndWritten(
  decidedAfter: number,
  onAnswer: (late: Operation, waits: Waits, operations: Operations) => Promise<void>,
): Promise<{ seen: string[]; written: string[] }> {
  const seen: string[] = [];
  const written: string[] = [];
  let decide = (_arrival: Arrival): void => undefined;
  const port = {
    clock: new VirtualClock({ startMs: NOW_MS }),
    inTurnWaitMs: 500,
    arm: () => Promise.resolve(),
    disarm: () => undefined,
    arrivalOf: ({ id }: { id: string }): Arrival | null => (id === "answered" ? { ok: 1 } : null),
    expire: () => new Promise<Arrival>((resolve) => (decide = resolve)),
    append: async (entries: readonly LogEntry[]): Promise<void> => {
      written.push(...entries.flatMap((entry) => (entry.k === "seen" ? [entry.id] : [])));
      void microtasks(decidedAfter).then(() => decide(TIMED_OUT));
      await Promise.resolve();
    },
  };
  const log = new PassLog(port);
  const history = [answered, late].map((op): LogEntry => ({
    id: op === late ? "late" : "answered",
    i: 0,
    k: "op",
    op,
    atMs: NOW_MS - 60_000,
  }));
  const operations = new Operations(readHistory(history));
  const show = (operation: Operation): void => {
    operations.move(operation, "resolved");
    operation.resolve(null);
  };
  const waits = new Waits({ port, operations, log }, { show, signal: () => undefined });
  const [lateWait, answeredWait] = [late, answered].map((op) => {
    const request = { kind: op.kind === "signal" ? "signal" : "event", body: null, wait: null } as const;
    const asked = operations.request(op === late ? "late" : "answered", request);
    waits.begin(asked.operation, op);
    return asked;
  });
  if (!lateWait || !answeredWait) throw new Error("There are two waits");
  const code = async (wait: Promise<unknown>, name: string, goOn: () => Promise<void>): Promise<void> => {
    await wait;
    await goOn();
    seen.push(name);
  };
  void code(lateWait.promise, "late", () => Promise.resolve());
  void code(answeredWait.promise, "answered", () => onAnswer(lateWait.operation, waits, operations));
  for (let turn = 0; turn < 6; turn += 1) {
    await drainMicrotasks();
    if (waits.endExpired()) continue;
    waits.wakeDue();
    void log.flush(turn > 4);
  }
  await drainMicrotasks();
  return { seen, written };
}

describe("a wait whose time is up while another one's end is written down", () => {
  it("is seen after it, once the code has come to rest", async () => {
    for (let decidedAfter = 0; decidedAfter < 30; decidedAfter += 1) {
      const ends = await seenAndWritten(decidedAfter, () => microtasks(12));
      expect({ decidedAfter, ...ends }).toEqual({
        decidedAfter,
        seen: ["answered", "late"],
        written: ["answered", "late"],
      });
    }
  });

  it("is not seen when that end lets go of it", async () => {
    for (let decidedAfter = 3; decidedAfter < 30; decidedAfter += 1) {
      const ends = await seenAndWritten(decidedAfter, async (other, waits, operations) => {
        await microtasks(12);
        operations.move(other, "resolved");
        waits.letGo(other);
      });
      expect({ decidedAfter, ...ends }).toEqual({ decidedAfter, seen: ["answered"], written: ["answered"] });
    }
  });
});
