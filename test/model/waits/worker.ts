/**
 * Owns: what a worker does with a wake: read the head, read log and inbox, claim or steal; then its turn: write down what is
 * asked for, arm it, take in what has arrived, put the timeout when the time is up, park. Each call is a step of its own.
 * Must not: kill, stall or repeat; model.ts does.
 */
import { epochRaised, seenBy, waitOf, withAt, withWorker, WAITS } from "./state.js";
import type { Fault, Setup, State, Turn, Worker } from "./state.js";

type Emit = (label: string, state: State) => void;
type With<Phase extends Worker["phase"]> = Extract<Worker, { phase: Phase }>;

export function workerSteps(state: State, index: number, setup: Setup, emit: Emit): void {
  const worker = state.workers[index];
  if (worker?.phase === "idle") receive(state, index, emit);
  if (worker?.phase === "head") readLog(state, index, worker, emit);
  if (worker?.phase === "read") claim(state, index, worker, setup, emit);
  if (worker?.phase === "turn") turn(state, index, worker, setup, emit);
}

/** A valid lease absorbs the wake; the turn that holds it loads again before it parks. */
function receive(state: State, index: number, emit: Emit): void {
  // The workers are alike: the first idle one stands for all.
  if (state.wakes === 0 || state.workers.findIndex(({ phase }) => phase === "idle") !== index) return;
  const received = { ...state, wakes: state.wakes - 1 };
  if (state.lease !== "valid") {
    const steal = state.lease === "ran out";
    return emit("reads the head", withWorker(received, index, { phase: "head", steal, current: true }));
  }
  const workers = received.workers.map((worker): Worker =>
    worker.phase === "turn" && worker.current ? { ...worker, fresh: false } : worker,
  );
  emit("absorbs a wake", { ...received, workers });
}

function readLog(state: State, index: number, worker: With<"head">, emit: Emit): void {
  const read: Worker = { ...worker, phase: "read", knows: state.log, inbox: state.inbox };
  emit("reads log and inbox", withWorker(state, index, read));
}

/** Claim IF epoch = read. What a frozen worker wrote after the log was read is outside its seal: cut off here. */
function claim(state: State, index: number, worker: With<"read">, setup: Setup, emit: Emit): void {
  if (!worker.current) {
    const again = withWorker(state, index, { phase: "idle" });
    return emit("fails to claim and starts over", { ...again, wakes: Math.min(2, state.wakes + 1) });
  }
  const { knows, inbox, steal } = worker;
  const claimed: Turn = {
    phase: "turn",
    current: true,
    held: true,
    fresh: true,
    knows,
    inbox,
    // A released epoch's operations are all armed; only after a steal is that unknown.
    armed: !steal || setup.faults.has("do not arm again after a steal") ? "yes" : "again",
    loading: "",
    letsGo: false,
  };
  const head: State = { ...epochRaised(state), lease: "valid", log: knows };
  emit(steal ? "steals" : "claims", withWorker(head, index, claimed));
}

function turn(state: State, index: number, worker: Turn, setup: Setup, emit: Emit): void {
  const say = (label: string, next: State): void => emit(label, next);
  if (!worker.held) say("stops: its lease is lost", withWorker(state, index, { phase: "idle" }));
  const wait = waitOf(worker.knows);
  if (wait === -1) return end(state, index, worker, say);
  if (!worker.knows.includes(`op${wait}`)) {
    return append(state, index, { ...worker, armed: "no" }, `op${wait}`, `writes op ${wait}`, say);
  }
  if (worker.letsGo) return letGo(state, index, worker, wait, say);
  if (worker.armed !== "yes") {
    arm(state, index, worker, wait, setup, say);
    if (!setup.faults.has("park before arming is done")) return;
  }
  const outcome = worker.inbox[wait] ?? "";
  if (outcome !== "") {
    return append(state, index, worker, `seen${wait}=${outcome}`, `shows ${outcome} for wait ${wait}`, say);
  }
  if (state.timeUp[wait] === true) return expire(state, index, worker, wait, setup, say);
  park(state, index, worker, wait, setup, say);
}

/** The waiter of a wait leaves out what the run has seen. Putting it again changes nothing. It is put before looking back. */
function arm(state: State, index: number, worker: Turn, wait: number, setup: Setup, emit: Emit): void {
  const looksBack = setup.events === "once asked" && !setup.faults.has("do not look back");
  const begins = worker.armed !== "half";
  const armed = looksBack && begins ? "half" : "yes";
  const excluded = setup.faults.has("a waiter excludes nothing") ? "" : seenBy(worker.knows);
  const looksFirst = setup.faults.has("look back before the waiter is put");
  if (!looksBack || begins !== looksFirst) {
    const put = { ...state, waiters: withAt<string | null>(state.waiters, wait, excluded) };
    return emit(`puts waiter ${wait}`, withWorker(put, index, { ...worker, armed }));
  }
  const found = (["a", "b"] as const).find((event) => state.stored.includes(event) && !excluded.includes(event)) ?? "";
  const counts = state.inbox[wait] === "" ? found : (state.inbox[wait] ?? "");
  const put = { ...state, inbox: withAt(state.inbox, wait, counts) };
  const told: Turn = { ...worker, armed, inbox: withAt(worker.inbox, wait, counts) };
  emit(`looks back for wait ${wait}: ${counts === "" ? "nothing" : counts}`, withWorker(put, index, told));
}

/**
 * What is durable while the deadline has not passed is inside every thief's seal, and is shown. A zombie's entry is in the log
 * until somebody claims with a log read before it; its answer never comes.
 */
function append(state: State, index: number, worker: Turn, entry: string, label: string, emit: Emit): void {
  if (!worker.current || !(worker.held || !state.log.includes(entry))) return;
  const written = { ...state, log: [...state.log, entry] };
  if (!worker.held) return emit(`${label}, its lease lost`, withWorker(written, index, { phase: "idle" }));
  const next = withWorker(written, index, { ...worker, knows: written.log });
  if (!entry.startsWith("seen")) return emit(label, next);
  const wait = Number(entry.charAt(4));
  const outcome = worker.inbox[wait] ?? "";
  const before = state.shown[wait] ?? "";
  const broken =
    before !== "" && before !== outcome ? `wait ${wait} was shown ${before}, then ${outcome}` : state.broken;
  emit(label, { ...next, shown: withAt(state.shown, wait, outcome), broken });
}

/** The time is up: the timeout is put if nothing has arrived, and what is there counts. */
function expire(state: State, index: number, worker: Turn, wait: number, setup: Setup, emit: Emit): void {
  const there = state.inbox[wait] ?? "";
  const overwrites = setup.faults.has("put the timeout over what arrived");
  const counts = there === "" || overwrites ? "timeout" : there;
  const answer = setup.faults.has("show the timeout without asking what counts") ? "timeout" : counts;
  const put = { ...state, inbox: withAt(state.inbox, wait, counts) };
  const told = { ...worker, inbox: withAt(worker.inbox, wait, answer) };
  emit(`puts the timeout of wait ${wait}, ${counts} counts`, withWorker(put, index, told));
}

function park(state: State, index: number, worker: Turn, wait: number, setup: Setup, emit: Emit): void {
  const drops = (fault: Fault): boolean => setup.faults.has(fault);
  // A body that runs keeps a turn from parking.
  const bodyRuns = setup.events === "by a body" && state.messages[wait === 0 ? "a" : "b"] === "unsent";
  if (!worker.held || bodyRuns) return;
  if (worker.loading !== "" || !(worker.fresh || drops("release without the wakes condition"))) {
    return load(state, index, worker, drops("read the inbox before the head"), emit);
  }
  const timers = setup.events === "any time" ? withAt(state.timers, wait, true) : state.timers;
  emit("releases", withWorker({ ...state, lease: "released", timers }, index, { phase: "idle" }));
}

/** Load again: the head, which says how many wakes there were, then the inbox, which holds at least what those told of. */
function load(state: State, index: number, worker: Turn, inboxFirst: boolean, emit: Emit): void {
  const begins = worker.loading === "";
  const readsHead = begins !== inboxFirst;
  const part: Partial<Turn> = readsHead ? { fresh: true } : { inbox: state.inbox };
  const loading = begins ? (inboxFirst ? "head" : "inbox") : "";
  const label = readsHead ? "reads the head again" : "reads the inbox again";
  emit(label, withWorker(state, index, { ...worker, ...part, loading }));
}

/**
 * The turn ends early: its time is nearly up, or the function has thrown and is begun anew. Released whatever wakes says, with
 * a continuation; but what the log asks for is armed first, whether or not this turn's function has come to ask for it.
 */
export function yieldTurn(state: State, index: number, worker: Turn, setup: Setup, emit: Emit): void {
  const wait = waitOf(worker.knows);
  const asked = wait !== -1 && worker.knows.includes(`op${wait}`);
  const trustsCode = setup.faults.has("arm again what is asked for again, not what the log holds");
  const unarmed = worker.armed !== "yes" && !(worker.armed === "again" && trustsCode);
  if (!worker.held || (asked && unarmed && !setup.faults.has("yield before arming is done"))) return;
  const budget = { ...state.budget, yields: state.budget.yields - 1 };
  const released: State = { ...state, lease: "released", wakes: Math.min(2, state.wakes + 1), budget };
  emit("yields", withWorker(released, index, { phase: "idle" }));
}

/** Another branch of its race has won. The `gone` entry first; only what is durable is told to the outside. */
export function loseRace(state: State, index: number, worker: Turn, setup: Setup, emit: Emit): void {
  const wait = waitOf(worker.knows);
  if (wait === -1 || worker.armed !== "yes" || worker.letsGo || !worker.knows.includes(`op${wait}`)) return;
  const budget = { ...state.budget, letGo: state.budget.letGo - 1 };
  const early = setup.faults.has("disarm before the entry is durable");
  const waiters = early ? withAt<string | null>(state.waiters, wait, null) : state.waiters;
  emit(`lets wait ${wait} go`, withWorker({ ...state, waiters, budget }, index, { ...worker, letsGo: true }));
}

/** Only an answer that came before the deadline disarms: then the entry is inside every thief's seal. */
function letGo(state: State, index: number, worker: Turn, wait: number, emit: Emit): void {
  append(
    state,
    index,
    { ...worker, letsGo: false },
    `gone${wait}`,
    `writes that wait ${wait} is gone`,
    (label, next) => {
      const disarmed = worker.held ? { ...next, waiters: withAt<string | null>(next.waiters, wait, null) } : next;
      emit(label, disarmed);
    },
  );
}

function end(state: State, index: number, worker: Turn, emit: Emit): void {
  if (!worker.held) return;
  const ended: State = { ...state, live: false, lease: "released", wakes: 0 };
  emit(`ends the run after wait ${WAITS.length - 1}`, withWorker(ended, index, { phase: "idle" }));
}
