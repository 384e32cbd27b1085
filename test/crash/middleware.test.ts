/**
 * Goal: whatever one AWS call does, a function under middleware that keeps its history in another form ends as if nothing had
 * happened, and each pass is shown the same.
 * Method: as singles.test.ts, for a function whose results and errors are sealed: with one that cannot be opened the run
 * rests, and never ends. Each call in some modes, by seed; in all with PERDURE_CRASH=full.
 */
import { expect, it } from "vitest";
import { serializeError } from "../../sdk/errors.js";
import { Middleware, type StepHandlerHook, type StoredHook } from "../../sdk/middleware/middleware.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { MINUTE } from "../scenario/world.js";
import { describeFinding, Enumeration } from "./enumerate.js";
import type { Program } from "./programs.js";

/** Keeps steps' results and errors as text that opens as that step's only. The output stays readable, for the checks. */
class Sealing extends Middleware {
  readonly id = "sealing";
  override async wrapStepHandler({ next }: StepHandlerHook): Promise<unknown> {
    const value = await next();
    if (typeof value !== "object" || value === null || !("value" in value)) return value;
    return { ...value, value: `<${String(value.value)}>` };
  }
  override toHistory({ of, name, value }: StoredHook): unknown {
    if (of === "step") return `sealed:${name}:${JSON.stringify(value)}`;
    if (of !== "error" || name === null) return value;
    const error = serializeError(value);
    return { name: error.name, message: `sealed:${name}:${error.message}` };
  }
  override fromHistory({ of, name, value }: StoredHook): unknown {
    if (of === "step") return JSON.parse(opened(name, value)) as unknown;
    if (of !== "error") return value;
    const error = serializeError(value);
    return { ...error, message: opened(name, error.message) };
  }
}

function opened(name: string | null, value: unknown): string {
  const seal = `sealed:${name}:`;
  if (typeof value !== "string" || !value.startsWith(seal))
    throw new Error(`${String(value)} is not sealed as ${seal}`);
  return value.slice(seal.length);
}

const sealed: Program = {
  name: "parallel steps, one that fails, a sleep, under middleware",
  functions: ["sealed"],
  events: [{ name: "crash/go", data: {} }],
  horizonMs: 20 * MINUTE,
  attempts: { refused: 2 },
  ends: ["sealed Completed <a>, <b>, refused for good, <c>"],
  build: (client, probe) => [
    client.createFunction(
      { id: "sealed", triggers: { event: "crash/go" }, retries: 1, middleware: [Sealing] },
      async ({ step, runId }) => {
        const pass = probe().pass(runId);
        const [a, b] = await Promise.all([pass.run(step, "a", 300, () => "a"), pass.run(step, "b", 20, () => "b")]);
        const refused = await pass
          .run(step, "refused", 20, () => {
            throw new Error("refused for good");
          })
          .catch((error: unknown) => (error instanceof Error ? error.message : "no Error"));
        await pass.sleep(step, "nap", MINUTE);
        const c = await pass.run(step, "c", 20, () => "c");
        return [a, b, refused, c].join(", ");
      },
    ),
  ],
};

const isFull = process.env["PERDURE_CRASH"] === "full";
const seed = Number(process.env["PERDURE_SEED"] ?? "20260302");
const MODES_A_CALL = 3;

it(
  `single faults, with minimal redundancy, PERDURE_SEED=${seed}`,
  { timeout: isFull ? 3_600_000 : 60_000 },
  async () => {
    const enumeration = await Enumeration.begin({ program: sealed, sweeper: false });
    if (isFull) await enumeration.trySingles();
    else await enumeration.trySomeSingles(MODES_A_CALL, seededRandom(seed));
    expect(enumeration.findings.map(describeFinding)).toEqual([]);
    expect(enumeration.trials).toBeGreaterThan(40);
  },
);
