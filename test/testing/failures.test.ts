/**
 * Goal: the test kit runs invoked functions and onFailure handlers as a deployment does, with mocks for their steps, too.
 * Method: createTest with functions of one app; what the mocks and handlers were given is read.
 */
import { expect, it } from "vitest";
import { createTest } from "../../local/testing/index.js";
import { quietClient } from "../crash/stage.js";

it("mocks steps of an invoked function and of a handler of failures", async () => {
  const perdure = quietClient();
  const told: string[] = [];
  const charge = perdure.createFunction(
    {
      id: "charge",
      retries: 0,
      onFailure: async ({ error, step, attempt }) => {
        const answer = await step.run("page", () => "the real pager");
        told.push(`${error.message} ${answer} ${attempt}`);
      },
    },
    ({ step }) => step.run("book", () => "the real bank"),
  );
  const order = perdure.createFunction({ id: "order", triggers: { event: "shop/go" } }, ({ step }) =>
    step.invoke("charge", { function: charge }),
  );
  const t = await createTest({
    client: perdure,
    functions: [order, charge],
    mocks: (mock) => {
      mock(charge, "book", () => {
        throw new Error("closed");
      });
      mock("charge-failure", "page", () => "a mocked pager");
    },
  });
  try {
    await t.send({ name: "shop/go" });
    await t.advance("1m");
    const [run] = await t.runs({ function: order });
    expect([run?.status, told]).toEqual(["Failed", ["closed a mocked pager 0"]]);
  } finally {
    await t.stop();
  }
});
