/**
 * Goal: the code of docs/flow-control.md does what the page says, and its forms are taken as they stand.
 * Method: the page's block is compiled as it is, with feeds that take a while and note how many there are at once, and run in
 * virtual time. The forms are read from the table.
 */
import { transformSync } from "esbuild";
import { expect, it } from "vitest";
import type { Perdure } from "../../sdk/client.js";
import { sleep, type Clock } from "../../sdk/clock.js";
import { readConcurrency } from "../../sdk/concurrency.js";
import { isPerdureFunction, type PerdureFunction } from "../../sdk/function.js";
import { quietClient } from "../crash/stage.js";
import { HOUR, MINUTE, Scenario, SECOND } from "../scenario/world.js";
import { read, rowsOf } from "./markdown.js";

const PAGE = "docs/flow-control.md";

/** The function of the page, given what it takes for granted. */
function importFeed(world: { perdure: Perdure; feeds: object }): PerdureFunction<never> {
  const [, block = ""] = /```ts\n([\s\S]*?)```/.exec(read(PAGE)) ?? [];
  const { code } = transformSync(block, { loader: "ts", format: "cjs" });
  const module = { exports: {} };
  const given = { ...world, module, exports: module.exports };
  new Function(...Object.keys(given), code)(...Object.values(given));
  const made: unknown = Reflect.get(module.exports, "importFeed");
  if (!isPerdureFunction(made)) throw new Error(`${PAGE} makes no function "importFeed"`);
  return made;
}

/** Downloads take ten seconds. */
class Feeds {
  clock: Clock | null = null;
  downloaded = 0;
  stored = 0;
  readonly most = new Map<string, number>();
  readonly #now = new Map<string, number>();

  async download(customerId: string): Promise<string[]> {
    if (!this.clock) throw new Error("The feeds have no clock yet");
    for (const name of [customerId, "all"]) this.#count(name, 1);
    await sleep(this.clock, 10 * SECOND);
    for (const name of [customerId, "all"]) this.#count(name, -1);
    this.downloaded += 1;
    return [customerId];
  }

  store(_customerId: string, rows: string[]): void {
    this.stored += rows.length;
  }

  #count(name: string, by: number): void {
    const now = (this.#now.get(name) ?? 0) + by;
    this.#now.set(name, now);
    this.most.set(name, Math.max(this.most.get(name) ?? 0, now));
  }
}

it("two at once for each customer, four in all, and none while they sleep", async () => {
  const feeds = new Feeds();
  const perdure = quietClient();
  const scenario = await Scenario.start({ client: perdure, functions: [importFeed({ perdure, feeds })] });
  try {
    feeds.clock = scenario.clock;
    const customers = ["a", "a", "a", "a", "b", "b", "b", "c", "c", "c"];
    await scenario.send(...customers.map((customerId) => ({ name: "shop/feed.changed", data: { customerId } })));
    await scenario.advance(MINUTE);
    expect(Object.fromEntries(feeds.most)).toMatchObject({ a: 2, all: 4 });
    expect([...feeds.most.values()].filter((most) => most > 2)).toEqual([4]);
    expect([feeds.downloaded, feeds.stored]).toEqual([10, 0]);
    await scenario.advance(HOUR);
    expect(feeds.stored).toBe(10);
  } finally {
    await scenario.stop();
  }
});

it("every form of the table is taken", () => {
  const forms = rowsOf(PAGE, ["Form", "Means"]).flatMap(([form = ""]) => [
    ...form.matchAll(/^`(?:concurrency: )?(.+)`$/g),
  ]);
  const written = forms.map(([, form = ""]) => form).filter((form) => !form.includes("…"));
  const taken = written.map((form) => readConcurrency(new Function(`return (${form})`)()));
  expect(taken).toEqual([
    [{ limit: 10, scope: "function", hold: "step" }],
    [{ limit: 10, key: "event.data.customerId", scope: "function", hold: "step" }],
    [{ limit: 10, key: "'openai'", scope: "app", hold: "step" }],
    [{ limit: 1, key: "event.data.shop", scope: "function", hold: "run" }],
  ]);
});
