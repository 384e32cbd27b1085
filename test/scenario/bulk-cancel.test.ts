/**
 * Goal: a bulk cancel cancels the live runs of one function that were created in a window and fit an expression, all of them
 * and no others, once, whatever dies on the way; and tells how far it has come.
 * Method: the real requests over HTTP, hundreds of runs on the virtual clock; dispatch is made to die at each of its calls.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import type { AwsCall } from "../../local/aws/call.js";
import { SIGNING_KEY } from "../../local/world/world.js";
import { eventsQueueUrl, onceAt, sendRaw, type Answer } from "./hands.js";
import { scenarios } from "./started.js";
import { HOUR, MINUTE, SECOND, START_MS, type Scenario } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const sleeper = client.createFunction({ id: "sleeper", triggers: { event: "shop/go" } }, async ({ step }) => {
  await step.sleep("long", "10d");
});
const bystander = client.createFunction({ id: "bystander", triggers: { event: "shop/go" } }, async ({ step }) => {
  await step.sleep("long", "10d");
});

interface Shown {
  id: string;
  status: string;
  examined: number;
  cancelled: number;
}

async function ask(scenario: Scenario, method: string, path: string, body?: unknown, id?: number): Promise<Answer> {
  const repeated = id === undefined ? {} : { "x-perdure-request-id": `${START_MS}-${String(id).padStart(32, "0")}` };
  const headers = { authorization: `Bearer ${SIGNING_KEY}`, ...repeated };
  const answer = await scenario.world.request(method, path, body, headers);
  return { status: answer.status, body: JSON.parse(Buffer.from(answer.body).toString()) };
}

async function post(scenario: Scenario, body: unknown, id?: number): Promise<Shown> {
  const answer = await ask(scenario, "POST", "/api/v1/cancellations", body, id);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  return (answer.body as { data: Shown }).data;
}

async function get(scenario: Scenario, id: string): Promise<Shown> {
  return ((await ask(scenario, "GET", `/api/v1/cancellations/${id}`)).body as { data: Shown }).data;
}

/** Sends so many events, at once. */
async function sendMany(
  scenario: Scenario,
  count: number,
  data: (n: number) => object = (n) => ({ n }),
): Promise<void> {
  await scenario.send(...Array.from({ length: count }, (_, n) => ({ name: "shop/go", data: data(n) })));
}

/** How many runs of a function there are in each status. */
async function counts(scenario: Scenario, functionId: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { head } of (await scenario.runsOf(functionId)).timeSorted)
    found[head.status] = (found[head.status] ?? 0) + 1;
  return found;
}

const iso = (ms: number): string => new Date(ms).toISOString();

it("cancels what was created in the window and fits, leaves all else, and says why on each run", async () => {
  const scenario = await start({ client, functions: [sleeper, bystander], sweeper: true });
  await sendMany(scenario, 5);
  await scenario.advance(HOUR);
  const fromMs = scenario.clock.now();
  await sendMany(scenario, 20);
  await scenario.advance(HOUR);
  const toMs = scenario.clock.now();
  await sendMany(scenario, 5);
  await scenario.advance(MINUTE);
  const range = { from: iso(fromMs), to: iso(toMs) };
  const asked = await post(scenario, { functionId: "sleeper", ...range, if: "event.data.n % 2 == 0" });
  expect(asked).toMatchObject({
    appId: "shop",
    functionId: "sleeper",
    ...range,
    if: "event.data.n % 2 == 0",
    status: "Running",
    examined: 0,
    cancelled: 0,
    endedAt: null,
  });
  await scenario.advance(MINUTE);
  expect(await get(scenario, asked.id)).toMatchObject({ status: "Completed", examined: 20, cancelled: 10 });
  expect([await counts(scenario, "sleeper"), await counts(scenario, "bystander")]).toEqual([
    { Running: 20, Cancelled: 10 },
    { Running: 30 },
  ]);
  const { timeSorted } = await scenario.runsOf("sleeper");
  const cancelled = timeSorted.filter(({ head }) => head.status === "Cancelled");
  expect(new Set(cancelled.map(({ head }) => head.reason?.code))).toEqual(new Set(["CANCELLED_IN_BULK"]));
  // Their timers are gone: a worker was woken for that.
  await scenario.advance(MINUTE);
  for (const { head } of (await scenario.runsOf("sleeper")).timeSorted) expect(head.effects).toEqual([]);
});

it("works through hundreds of runs a page at a time, and repeats nothing when it is asked again", async () => {
  const scenario = await start({ client, functions: [sleeper], sweeper: true });
  await sendMany(scenario, 450);
  await scenario.advance(MINUTE);
  const body = { functionId: "shop/sleeper", from: START_MS };
  const asked = await post(scenario, body, 1);
  await scenario.advance(MINUTE);
  expect(await get(scenario, asked.id)).toMatchObject({ status: "Completed", examined: 450, cancelled: 450 });
  expect(await counts(scenario, "sleeper")).toEqual({ Cancelled: 450 });
  expect(await post(scenario, body, 1)).toMatchObject({ id: asked.id, status: "Completed", cancelled: 450 });
  const again = await post(scenario, body, 2);
  await scenario.advance(MINUTE);
  expect(again.id).not.toBe(asked.id);
  expect(await get(scenario, again.id)).toMatchObject({ status: "Completed", examined: 450, cancelled: 0 });
}, 30_000);

it("a run that was queued never begins", async () => {
  const began: string[] = [];
  const fn = client.createFunction({ id: "queued", triggers: { event: "shop/go" } }, ({ runId }) => {
    began.push(runId);
  });
  const scenario = await start({ client, functions: [fn] });
  const ts = scenario.clock.now() + HOUR;
  await scenario.send({ name: "shop/go", ts });
  await scenario.advance(SECOND);
  const asked = await post(scenario, { functionId: "queued", from: START_MS - HOUR });
  await scenario.advance(2 * HOUR);
  expect([await get(scenario, asked.id), began]).toMatchObject([{ cancelled: 1 }, []]);
});

it("dispatch that dies at any of its calls leaves nothing undone and counts nothing twice", async () => {
  let died = 0;
  for (let nth = 0; nth < 60; nth += 1) {
    const scenario = await start({ client, functions: [sleeper], sweeper: true });
    await sendMany(scenario, 4);
    await scenario.advance(SECOND);
    let calls = 0;
    const isNth = ({ caller }: AwsCall): boolean => caller.name === "dispatch" && calls++ === nth;
    const happened = onceAt(scenario, isNth, nth % 2 === 0 ? "crash-after" : "crash-before");
    const asked = await post(scenario, { functionId: "sleeper", from: START_MS });
    await scenario.advance(10 * MINUTE);
    expect(await get(scenario, asked.id)).toMatchObject({ status: "Completed", examined: 4, cancelled: 4 });
    const { timeSorted } = await scenario.runsOf("sleeper");
    expect(timeSorted.map(({ head }) => [head.status, head.effects])).toEqual(Array(4).fill(["Cancelled", []]));
    if (!happened()) break;
    died += 1;
  }
  expect(died).toBeGreaterThanOrEqual(10);
}, 60_000);

it("a page's message that comes twice, late, or for nothing, does no harm", async () => {
  const scenario = await start({ client, functions: [sleeper], sweeper: true });
  await sendMany(scenario, 3);
  await scenario.advance(SECOND);
  const asked = await post(scenario, { functionId: "sleeper", from: START_MS });
  const message = (cancellation: string, page: number): string =>
    JSON.stringify({ v: 1, kind: "cancel-runs", cancellation, page });
  for (const page of [0, 0, 1, 5]) await sendRaw(scenario, eventsQueueUrl(scenario), message(asked.id, page));
  await sendRaw(scenario, eventsQueueUrl(scenario), message("01KK0000000000000000000000", 0));
  await scenario.advance(MINUTE);
  expect(await get(scenario, asked.id)).toMatchObject({ status: "Completed", examined: 3, cancelled: 3 });
});

it("is refused when it does not say what it means", async () => {
  const scenario = await start({ client, functions: [sleeper] });
  const from = iso(START_MS - HOUR);
  const wrong: [object, string][] = [
    [{ from }, 'functionId is missing; expected a function as "<app>/<function>", or an id only one app has'],
    [{ functionId: "nobody", from }, 'functionId is none: no app has a function "nobody" registered; expected'],
    [{ functionId: "sleeper" }, "from is missing; expected the time of creation from which runs are meant"],
    [{ functionId: "sleeper", from: "soon" }, 'from is "soon"; expected an ISO 8601 time'],
    [{ functionId: "sleeper", from, to: iso(START_MS + HOUR) }, "to lies in the future; expected"],
    [{ functionId: "sleeper", from, to: from }, "from is not before to; expected a range that holds some time"],
    [{ functionId: "sleeper", from, if: 5 }, "if is not text; expected a CEL expression over event"],
    [{ functionId: "sleeper", from, limit: 5 }, 'it has the member "limit"; expected only functionId, from, to, if'],
    [{ functionId: "sleeper", from, if: "event.data.n ==" }, "Cannot read expression"],
  ];
  for (const [body, message] of wrong) {
    const answer = await ask(scenario, "POST", "/api/v1/cancellations", body);
    expect(answer).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining(message) } } });
  }
  for (const id of ["01KK0000000000000000000000", "no-id"]) {
    expect((await ask(scenario, "GET", `/api/v1/cancellations/${id}`)).status).toBe(404);
  }
});
