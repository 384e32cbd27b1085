/**
 * Goal: what is thrown ends its step and its run however long it is, of whatever characters, and however often it is wrapped:
 * an error that fits no item must not kill its worker, and then be told as a crash.
 * Method: chains of errors of the longest messages, of characters JSON writes with six, thrown wherever something can throw.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { NonRetriableError, serializeError } from "../../sdk/errors.js";
import { scenarios } from "./started.js";
import { HOUR } from "./world.js";

const start = scenarios();

/** Characters that JSON escapes, in an order no compressor knows. */
function escaped(length: number): string {
  let state = 1;
  return Array.from({ length }, () => String.fromCharCode((state = (state * 75 + 74) % 65_537) % 32)).join("");
}

function chain(depth: number): Error {
  const cause = depth === 0 ? undefined : chain(depth - 1);
  const error = new NonRetriableError(escaped(20_000), { cause });
  error.stack = escaped(20_000);
  return error;
}

it("errors as large as they get, escaped through and through, end steps, runs and invokes as what they are", async () => {
  const client = new Perdure({ id: "shop" });
  const told: string[] = [];
  const child = client.createFunction({ id: "child", retries: 0 }, () => {
    throw chain(6);
  });
  const parent = client.createFunction(
    {
      id: "parent",
      triggers: { event: "shop/go" },
      retries: 0,
      onFailure: ({ error }) => void told.push(error.message.slice(0, 100)),
    },
    async ({ step }) => {
      const names: string[] = [];
      for (const fails of [
        () => step.run("in a step", () => Promise.reject(chain(6))),
        () => step.run({ id: "in a branch", distributed: true }, () => Promise.reject(chain(6))),
        () => step.invoke("in a child", { function: child }),
      ]) {
        await fails().catch(
          (error: unknown) => void names.push(serializeError(error).code ?? serializeError(error).name),
        );
      }
      await step.run("names", () => names);
      throw chain(6);
    },
  );
  const scenario = await start({ client, functions: [parent, child] });
  const [id = ""] = await scenario.send({ name: "shop/go" });
  await scenario.advance(HOUR);
  const { head, entries } = await scenario.runOf(id);
  expect(entries.find((entry) => entry.k === "done" && entry.id === "names")).toMatchObject({
    ok: ["NonRetriableError", "NonRetriableError", "INVOKED_FUNCTION_FAILED"],
  });
  expect([head.status, head.crashes, head.error?.name]).toEqual(["Failed", 0, "NonRetriableError"]);
  expect(head.error?.message.slice(0, 100)).toBe(escaped(100));
  expect(told).toEqual([escaped(100)]);
  expect(Buffer.byteLength(JSON.stringify(head.error))).toBeLessThan(160 * 1024);
});
