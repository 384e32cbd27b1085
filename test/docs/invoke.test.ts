/**
 * Goal: the code of docs/invoke.md does what the page says.
 * Method: the page's blocks are compiled as they stand, with a bank and a pager that note what they are asked, and run in
 * virtual time.
 */
import { transformSync } from "esbuild";
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { StepError } from "../../sdk/errors.js";
import { isPerdureFunction, type PerdureFunction } from "../../sdk/function.js";
import { quietClient } from "../crash/stage.js";
import { DAY, MINUTE, Scenario } from "../scenario/world.js";
import { read } from "./markdown.js";

const names = ["charge", "order", "payOut"];

/** The functions of the page, given what it takes for granted. */
function functionsOf(world: { perdure: Perdure; bank: object; pager: object }): PerdureFunction<never>[] {
  const blocks = [...read("docs/invoke.md").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  const { code } = transformSync(blocks.join("\n"), { loader: "ts", format: "cjs" });
  const module = { exports: {} };
  const given = { ...world, StepError, module, exports: module.exports };
  new Function(...Object.keys(given), code)(...Object.values(given));
  return names.map((name) => {
    const made: unknown = Reflect.get(module.exports, name);
    if (!isPerdureFunction(made)) throw new Error(`docs/invoke.md makes no function "${name}"`);
    return made;
  });
}

it.each([
  [false, "r-o_1"],
  [true, "not charged"],
])("an order, with a bank that is closed: %j", async (isClosed, output) => {
  const calls: string[] = [];
  const bank = {
    book(id: string): string {
      if (isClosed) throw new Error("closed");
      return `r-${id}`;
    },
    transfer(iban: string): void {
      throw new Error(`no account ${iban}`);
    },
  };
  const pager = { call: (text: string) => void calls.push(text) };
  const perdure = quietClient();
  const scenario = await Scenario.start({ client: perdure, functions: functionsOf({ perdure, bank, pager }) });
  try {
    const [placed = "", due = ""] = await scenario.send(
      { name: "shop/order.placed", data: { orderId: "o_1" } },
      { name: "shop/payout.due", data: { iban: "DE1" } },
    );
    await scenario.advance(10 * MINUTE);
    expect((await scenario.runOf(placed)).output).toBe(output);
    await scenario.advance(DAY);
    const { runId } = (await scenario.runOf(due)).head;
    expect(calls).toEqual([`${runId} to DE1: no account DE1`]);
  } finally {
    await scenario.stop();
  }
});
