/**
 * Goal: the steps of a run tell what happened: every operation once, in order, with every attempt, its error and its times;
 * and they fit a response whatever the run produced.
 * Method: logs written as the executor writes them; literal rows; then sizes that cannot fit.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fitRows } from "../../../runtime/api/fit-rows.js";
import { answer } from "../../../runtime/api/respond.js";
import { RunStore } from "../../../runtime/state/run-store.js";
import type { LogEntry, SerializedError } from "../../../sdk/protocol.js";
import { createWorld, NOW_MS, runId, type Reply, type World } from "./world.js";

let world: World;
let id: string;
beforeEach(async () => {
  world = await createWorld();
  id = await world.createRun(1);
  await world.claim(id);
});
afterEach(() => world.close());

const steps = (): Promise<Reply> => world.ask(`/api/v1/runs/${id}/steps`);
const rows = async (): Promise<unknown> => (await steps()).body.data;
const log = (entries: LogEntry[], n = 1): Promise<void> => world.append(id, 1, n, entries);

const at = (seconds: number): number => NOW_MS + seconds * 1_000;
const iso = (seconds: number): string => `2026-03-10T12:00:${String(seconds).padStart(2, "0")}.000Z`;
const error = (message: string): SerializedError => ({ name: "TypeError", message, stack: `TypeError: ${message}` });

describe("GET /api/v1/runs/:id/steps", () => {
  it("is empty for a run that has done nothing yet", async () => {
    expect((await steps()).body).toEqual({ data: [] });
  });

  it("answers NOT_FOUND for a run nobody has", async () => {
    expect((await world.ask(`/api/v1/runs/${runId(404)}/steps`)).status).toBe(404);
  });

  it("shows a step that succeeded", async () => {
    await log([{ k: "done", kind: "run", id: "charge", i: 0, a: 1, ok: { paid: 5 }, fromMs: at(1), atMs: at(2) }]);
    expect(await rows()).toEqual([
      {
        id: "charge",
        index: 0,
        op: "run",
        status: "Completed",
        attempts: [{ attempt: 1, error: null, startedAt: iso(1), endedAt: iso(2) }],
        startedAt: iso(1),
        endedAt: iso(2),
        output: { paid: 5 },
        error: null,
      },
    ]);
  });

  it("shows every attempt of a step, in order, from Retrying to Failed", async () => {
    const step = { kind: "run", id: "mail", i: 0 } as const;
    await log([{ ...step, k: "failed", a: 1, err: error("one"), fromMs: at(1), atMs: at(2), retryAtMs: at(10) }]);
    const first = { attempt: 1, error: error("one"), startedAt: iso(1), endedAt: iso(2), retryAt: iso(10) };
    expect(await rows()).toEqual([
      {
        id: "mail",
        index: 0,
        op: "run",
        status: "Retrying",
        attempts: [first],
        startedAt: iso(1),
        endedAt: null,
        output: null,
        error: null,
        retryAt: iso(10),
      },
    ]);
    await log([{ ...step, k: "done", a: 2, err: error("two"), fromMs: at(10), atMs: at(11) }], 2);
    expect(await rows()).toEqual([
      {
        id: "mail",
        index: 0,
        op: "run",
        status: "Failed",
        attempts: [first, { attempt: 2, error: error("two"), startedAt: iso(10), endedAt: iso(11) }],
        startedAt: iso(1),
        endedAt: iso(11),
        output: null,
        error: error("two"),
      },
    ]);
  });

  it("shows sleeps, and events that were sent", async () => {
    await log([
      { k: "op", id: "rest", i: 0, op: { kind: "sleep", untilMs: at(30) }, atMs: at(1) },
      { k: "done", kind: "sendEvent", id: "tell", i: 0, a: 1, ok: { ids: ["e1"] }, fromMs: at(2), atMs: at(3) },
    ]);
    const sleeping = { id: "rest", index: 0, op: "sleep", attempts: [], startedAt: iso(1), output: null, error: null };
    expect(await rows()).toEqual([
      { ...sleeping, status: "Waiting", endedAt: null, until: iso(30) },
      expect.objectContaining({ id: "tell", op: "sendEvent", status: "Completed", output: { ids: ["e1"] } }),
    ]);
    await log([{ k: "seen", id: "rest", i: 0, atMs: at(31) }], 2);
    expect(await rows()).toMatchObject([{ ...sleeping, status: "Completed", endedAt: iso(31), until: iso(30) }, {}]);
  });

  it("keeps apart ids used again, and ids that look like another's place", async () => {
    const done = { k: "done", kind: "run", a: 1, ok: null, fromMs: at(1), atMs: at(2) } as const;
    await log([
      { ...done, id: "a", i: 1 },
      { ...done, id: "a", i: 0 },
      { ...done, id: "1:a", i: 0 },
      { ...done, id: "function", i: 0 },
      { ...done, id: "__proto__", i: 0 },
    ]);
    const shown = [
      ["a", 1],
      ["a", 0],
      ["1:a", 0],
      ["function", 0],
      ["__proto__", 0],
    ];
    expect(await rows()).toMatchObject(shown.map(([name, index]) => ({ id: name, index, op: "run" })));
    expect(await rows()).toHaveLength(5);
  });

  it("shows an attempt that has begun as Running, and one whose worker died as interrupted", async () => {
    const start = { k: "start", kind: "run", id: "charge", i: 0 } as const;
    await log([{ ...start, a: 1, atMs: at(1) }]);
    const begun = { attempt: 1, error: null, startedAt: iso(1), endedAt: null };
    expect(await rows()).toMatchObject([{ status: "Running", attempts: [begun], startedAt: iso(1), endedAt: null }]);
    await log([{ ...start, a: 2, atMs: at(20) }], 2);
    await log([{ ...start, k: "done", a: 2, ok: 1, fromMs: at(21), atMs: at(22) }], 3);
    const interrupted = {
      name: "PerdureError",
      code: "STEP_INTERRUPTED",
      message: 'Cannot finish step "charge": the worker died while its body ran; expected it to return or throw',
    };
    expect(await rows()).toMatchObject([
      {
        status: "Completed",
        attempts: [
          { ...begun, error: interrupted },
          { attempt: 2, error: null, startedAt: iso(20), endedAt: iso(22) },
        ],
      },
    ]);
  });

  it("shows what a cancel cut off as Cancelled", async () => {
    const failed = { k: "failed", kind: "run", i: 0, a: 1, err: error("x"), fromMs: at(1), atMs: at(2) } as const;
    await log([
      { k: "done", kind: "run", id: "first", i: 0, a: 1, ok: 1, fromMs: at(1), atMs: at(2) },
      { ...failed, id: "second", retryAtMs: at(9) },
      { k: "op", id: "third", i: 0, op: { kind: "sleep", untilMs: at(30) }, atMs: at(3) },
    ]);
    await world.ask(`/api/v1/runs/${id}`, { method: "DELETE" });
    expect(await rows()).toMatchObject([{ status: "Completed" }, { status: "Cancelled" }, { status: "Cancelled" }]);
  });

  it("shows the function's own attempts where it threw outside its steps", async () => {
    await log([
      { k: "thrown", a: 1, err: error("one"), atMs: at(1), retryAtMs: at(5) },
      { k: "thrown", a: 2, err: error("two"), atMs: at(6), retryAtMs: at(9) },
    ]);
    const attempts = [
      { attempt: 1, error: error("one"), startedAt: null, endedAt: iso(1), retryAt: iso(5) },
      { attempt: 2, error: error("two"), startedAt: null, endedAt: iso(6), retryAt: iso(9) },
    ];
    const row = { id: "checkout", index: 0, op: "function", startedAt: iso(0), output: null };
    expect(await rows()).toEqual([
      { ...row, status: "Retrying", attempts, endedAt: null, error: null, retryAt: iso(9) },
    ]);
    await log([{ k: "done", kind: "run", id: "late", i: 0, a: 1, ok: 1, fromMs: at(9), atMs: at(10) }], 2);
    expect(await rows()).toMatchObject([
      { ...row, status: "Running" },
      { id: "late", status: "Completed" },
    ]);
    await world.clock.advance(12_000);
    await world.complete(id, "well");
    expect(await rows()).toMatchObject([{ ...row, status: "Completed", attempts, endedAt: iso(12), error: null }, {}]);
  });

  it.each([
    ["counting on", [], 3],
    ["counting anew after progress", [{ k: "seen", id: "nap", i: 0, atMs: at(6) }] satisfies LogEntry[], 1],
  ])("shows the function's last, fatal attempt, %s", async (_how, between, attempt) => {
    await log([
      { k: "thrown", a: 1, err: error("one"), atMs: at(1), retryAtMs: at(3) },
      { k: "thrown", a: 2, err: error("two"), atMs: at(4), retryAtMs: at(5) },
      ...between,
    ]);
    await world.clock.advance(7_000);
    await world.fail(id, error("last"));
    const [row] = [await rows()].flat();
    expect(row).toMatchObject({
      op: "function",
      status: "Failed",
      error: error("last"),
      attempts: [{ attempt: 1 }, { attempt: 2 }, { attempt, error: error("last"), startedAt: null, endedAt: iso(7) }],
    });
  });

  it("shows a run of a thousand steps", async () => {
    const done = { k: "done", kind: "run", a: 1, ok: "x".repeat(200), fromMs: at(1), atMs: at(2) } as const;
    await log(Array.from({ length: 1_000 }, (_, index) => ({ ...done, id: `step-${index}`, i: 0 })));
    const shown = [await rows()].flat();
    expect(shown).toHaveLength(1_000);
    expect(shown.at(-1)).toMatchObject({ id: "step-999", output: "x".repeat(200) });
  });

  it("leaves out the largest outputs when all of them do not fit, and says which", async () => {
    const done = { k: "done", kind: "run", i: 0, a: 1, fromMs: at(1), atMs: at(2) } as const;
    await log([
      { ...done, id: "small", ok: "s".repeat(1_000) },
      { ...done, id: "large", ok: "l".repeat(4_000_000) },
      { ...done, id: "middle", ok: "m".repeat(2_000_000) },
    ]);
    const reply = await steps();
    expect(reply.status).toBe(200);
    expect(reply.body.data).toMatchObject([
      { id: "small", output: "s".repeat(1_000) },
      { id: "large", status: "Completed", output: null, outputOmitted: true },
      { id: "middle", output: "m".repeat(2_000_000) },
    ]);
    expect([reply.body.data].flat().filter((row) => JSON.stringify(row).includes("outputOmitted"))).toHaveLength(1);
  });

  it("shortens errors when a thousand steps failed with long stacks", async () => {
    const err = { name: "Error", message: "down", code: "E1", stack: "\n at f".repeat(1_300), cause: error("why") };
    const failed = { k: "failed", kind: "run", i: 0, a: 1, err, fromMs: at(1), atMs: at(2), retryAtMs: at(3) } as const;
    await log(Array.from({ length: 1_000 }, (_, index) => ({ ...failed, id: `step-${index}` })));
    const reply = await steps();
    expect(reply.status).toBe(200);
    const short = { name: "Error", message: "down", code: "E1" };
    const [row] = [reply.body.data].flat();
    expect(row).toMatchObject({ errorsShortened: true, attempts: [{ attempt: 1, error: short }] });
    expect(JSON.stringify(row)).not.toContain("stack");
  });

  it("cuts messages when even those do not fit", async () => {
    const err = { name: "Error", message: "m".repeat(16_000) };
    const failed = { k: "failed", kind: "run", i: 0, a: 1, err, fromMs: at(1), atMs: at(2), retryAtMs: at(3) } as const;
    await log(Array.from({ length: 500 }, (_, index) => ({ ...failed, id: `step-${index}` })));
    const reply = await steps();
    expect(reply.status).toBe(200);
    const [row] = [reply.body.data].flat();
    expect(row).toMatchObject({ errorsShortened: true, attempts: [{ error: { message: `${"m".repeat(256)}…` } }] });
  });

  it("stops when the log has lost items, and says so", async () => {
    const counted = { logged: 2, crashes: 0, objects: 0, dueAtMs: at(60), ttlSeconds: at(99) / 1_000, timer: null };
    await new RunStore(world.services).release(id, 1, 0, counted);
    const reply = await steps();
    expect(reply.status).toBe(500);
    expect(reply.body.error?.code).toBe("HISTORY_SHRANK");
  });
});

describe("fitRows()", () => {
  const row = (output: string) => ({ output, error: null });

  it.each([
    // {"output":"aaaaaaaaaa","error":null}: 36 bytes, six quotes to escape, two around it.
    ["a".repeat(10), 44],
    // A quote in a value is escaped twice.
    ['"', 38],
    ["€", 37],
  ])("keeps the output %j within %i bytes, counted as in a response, and not within one less", (output, bytes) => {
    expect(fitRows([row(output)], bytes)).toEqual([{ output, error: null }]);
    expect(fitRows([row(output)], bytes - 1)[0]).toMatchObject({ output: null, outputOmitted: true });
  });

  it("leaves an output that is null as it is, however little fits", () => {
    expect(fitRows([{ output: null, error: null }], 1)[0]).not.toHaveProperty("outputOmitted");
  });
});

describe("answer()", () => {
  it("refuses what Lambda could not carry, counted after escaping", () => {
    expect(() => answer(200, "a".repeat(6_200_000))).not.toThrow();
    expect(() => answer(200, "a".repeat(6_300_000))).toThrow("expected at most 6225920, which Lambda can carry");
    expect(() => answer(200, '"'.repeat(1_600_000))).toThrow("the answer has 6400006 bytes");
  });
});
