/** What scenarios of concurrency limits share: who is at work, and what is left of places and queues. No assertions in here. */
import { sleep } from "../../sdk/clock.js";
import { hashesOf } from "../../runtime/flow/limits-of-run.js";
import { SlotStore } from "../../runtime/state/slot-store.js";
import { SIGNING_KEY } from "../../local/world/world.js";
import type { RunView, Scenario } from "./world.js";

/** Who is at work, and the most there were at once, by whatever the bodies say they work on. */
export class Floor {
  scenario: Scenario | null = null;
  readonly order: string[] = [];
  /** How many were at work, itself included, when each began. */
  readonly besides = new Map<string, number>();
  readonly most = new Map<string, number>();
  readonly #now = new Map<string, number>();

  async work(name: string, ms: number, on = "all"): Promise<string> {
    if (!this.scenario) throw new Error("The floor has no scenario yet");
    this.order.push(name);
    const now = (this.#now.get(on) ?? 0) + 1;
    this.#now.set(on, now);
    this.besides.set(name, now);
    this.most.set(on, Math.max(this.most.get(on) ?? 0, now));
    await sleep(this.scenario.clock, ms);
    this.#now.set(on, (this.#now.get(on) ?? 0) - 1);
    return name;
  }
}

export function events(count: number, data: (index: number) => object = (index) => ({ n: `n${index}` })): object[] {
  return Array.from({ length: count }, (_, index) => ({ name: "shop/go", data: data(index) }));
}

/** What is left of places and queues, under all keys of these events' runs. */
export async function leftOver(scenario: Scenario, ids: readonly string[]): Promise<string[]> {
  const services = scenario.world.services("observer");
  const runs = (await Promise.all(ids.map((id) => scenario.runIds(id)))).flat();
  const heads = await Promise.all(runs.map(async (run) => (await scenario.run(run)).head));
  const stores = [...new Set(heads.flatMap(hashesOf))].map((hash) => new SlotStore(services, "shop", hash));
  const seats = await Promise.all(
    stores.map(async (store) => [...(await store.slots()), ...(await store.tickets(10))]),
  );
  return seats.flat().map(({ run, seat }) => `${run} ${seat}`);
}

/** As the API shows it. */
export async function shown(scenario: Scenario, runId: string): Promise<object> {
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  const { body } = await scenario.world.request("GET", `/api/v1/runs/${runId}`, undefined, headers);
  const { data } = JSON.parse(Buffer.from(body).toString()) as { data: object };
  return data;
}

export async function statuses(scenario: Scenario, ids: readonly string[]): Promise<string[]> {
  const runs = (await Promise.all(ids.map((id) => scenario.runIds(id)))).flat();
  return Promise.all(runs.map(async (run) => (await scenario.run(run)).head.status));
}

/** The runs of events, in their order. */
export async function runsOf(scenario: Scenario, ids: readonly string[]): Promise<RunView[]> {
  const runs = (await Promise.all(ids.map((id) => scenario.runIds(id)))).flat();
  return Promise.all(runs.map((run) => scenario.run(run)));
}

/** Asks the API to cancel the run of an event. */
export async function cancelRunOf(scenario: Scenario, id: string): Promise<number> {
  const [runId = ""] = await scenario.runIds(id);
  const headers = { authorization: `Bearer ${SIGNING_KEY}` };
  const { status } = await scenario.world.request("DELETE", `/api/v1/runs/${runId}`, undefined, headers);
  await scenario.clock.settle();
  return status;
}
