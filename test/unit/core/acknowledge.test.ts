/**
 * Goal: which message may be acknowledged when, row by row (PROTOCOL §4).
 * Method: the decision is a pure function of run, message and time; each row is asked with literal times on both sides of
 * its border.
 */
import { describe, expect, it } from "vitest";
import { decideWake, type Delivery } from "../../../runtime/core/acknowledge.js";
import { NO_PLACES, type RunHead } from "../../../runtime/core/run.js";

const NOW_MS = 1_000_000;

const head = (more: Partial<RunHead> = {}): RunHead => ({
  runId: "shop_aaaaaaaaaaaaaaaaaaaaaaaaaa",
  functionId: "fn",
  status: "Running",
  epoch: 1,
  holder: null,
  claimMessageId: "claim",
  leaseUntilMs: 0,
  token: "t",
  wakes: 0,
  seals: new Map(),
  logged: 0,
  crashes: 0,
  effects: [],
  dueAtMs: null,
  sweeps: 0,
  ttlSeconds: 1,
  eventId: "e",
  trace: null,
  createdAtMs: 0,
  startedAtMs: null,
  endedAtMs: null,
  notBeforeMs: null,
  timer: null,
  objects: 0,
  cancelOn: [],
  slots: [],
  places: NO_PLACES,
  parent: null,
  depth: 0,
  quiet: false,
  error: null,
  reason: null,
  diverged: null,
  ...more,
});

const message = (more: Partial<Delivery> = {}): Delivery => ({ messageId: "m", receives: 1, dueMs: null, ...more });
const decide = (run: RunHead | null, delivery: Partial<Delivery> = {}) => decideWake(run, message(delivery), NOW_MS);

describe("a run that is not there", () => {
  it("is waited for at first: it may not be visible yet", () => {
    for (const receives of [1, 2, 3, 4]) {
      expect(decide(null, { receives })).toEqual({ do: "wait", visibleInMs: 5_000, because: "absent" });
    }
  });

  it("is given up at the fifth receive", () => {
    expect(decide(null, { receives: 5 })).toEqual({ do: "acknowledge", because: "absent" });
  });
});

describe("a run that nobody holds", () => {
  it("is claimed by any message that is due, however often its message was received", () => {
    for (const receives of [1, 5, 12, 1_000]) expect(decide(head(), { receives })).toEqual({ do: "claim" });
    expect(decide(head({ status: "Queued" }), { dueMs: NOW_MS })).toEqual({ do: "claim" });
  });

  it("is left alone by a timer that is early", () => {
    const early = { do: "wait", visibleInMs: 1, because: "early" };
    expect(decide(head(), { dueMs: NOW_MS + 1 })).toEqual(early);
    expect(decide(head({ leaseUntilMs: 1 }), { dueMs: NOW_MS + 1 })).toEqual(early);
  });
});

describe("a run that somebody holds", () => {
  const held = head({ leaseUntilMs: NOW_MS + 10_000 });

  it("counts any message but the one that made the claim", () => {
    expect(decide(held)).toEqual({ do: "absorb" });
    expect(decide(head({ leaseUntilMs: NOW_MS }))).toEqual({ do: "absorb" });
  });

  it("keeps its life line, which comes again after the lease", () => {
    const kept = { do: "wait", visibleInMs: 13_000, because: "held" };
    expect(decide(held, { messageId: "claim" })).toEqual(kept);
    expect(decide(held, { messageId: "claim", receives: 100 })).toEqual(kept);
  });
});

describe("a lease that ended a moment ago is nobody's to take", () => {
  it("for two seconds, in which two clocks could disagree", () => {
    const skew = { do: "wait", visibleInMs: 1_000, because: "skew" };
    expect(decide(head({ leaseUntilMs: NOW_MS - 2_000 }))).toEqual(skew);
    expect(decide(head({ leaseUntilMs: NOW_MS - 2_000 }), { messageId: "claim" })).toEqual(skew);
    expect(decide(head({ leaseUntilMs: NOW_MS - 1 }))).toEqual({ do: "wait", visibleInMs: 2_999, because: "skew" });
  });

  it("then any message takes it over", () => {
    expect(decide(head({ leaseUntilMs: NOW_MS - 2_001 }))).toEqual({ do: "steal" });
    expect(decide(head({ leaseUntilMs: NOW_MS - 2_001 }), { messageId: "claim" })).toEqual({ do: "steal" });
  });
});

describe("a run that has ended", () => {
  it("needs no message, unless something is left to do", () => {
    expect(decide(head({ status: "Completed" }))).toEqual({ do: "acknowledge", because: "ended" });
    expect(decide(head({ status: "Cancelled", effects: ["timer"] }))).toEqual({ do: "effects" });
    expect(decide(head({ status: "Failed", effects: ["announce"] }), { dueMs: NOW_MS + 1 })).toEqual({ do: "effects" });
  });
});
