/**
 * Goal: in the test kit, too, a wait of months times out to the second, and lasts a year.
 * Method: createTest, time advanced in one go.
 */
import { expect, it } from "vitest";
import { createTest } from "../../local/testing/index.js";
import { Perdure } from "../../sdk/client.js";

const perdure = new Perdure({ id: "shop" });

it.each(["6d12h", "30d", "365d"] as const)("a wait with a timeout of %s", async (timeout) => {
  const fn = perdure.createFunction({ id: "waits", triggers: { event: "shop/go" } }, async ({ step }) => {
    const event = await step.waitForEvent("answer", { event: "shop/answer", timeout });
    return event === null ? "timed out" : "answered";
  });
  const t = await createTest({ client: perdure, functions: [fn] });
  try {
    const { ids } = await t.send({ name: "shop/go" });
    await t.advance(timeout);
    await t.advance("2s");
    const [run] = await t.runs({ event: ids[0] ?? "" });
    expect(run?.output).toBe("timed out");
  } finally {
    await t.stop();
  }
});
