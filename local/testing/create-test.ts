/**
 * Owns: `createTest`: an app's functions on the whole platform in one process, in virtual time.
 * Must not: open a port, or leave a timer behind.
 */
import type { EventMap } from "../../sdk/events.js";
import type { FunctionClient } from "../../sdk/function.js";
import { testWithoutFunctions } from "./errors.js";
import type { PerdureTest, TestFunction, TestOptions } from "./perdure-test.js";
import { newMocks, RunningTest, timeMs, type TestSetup } from "./running-test.js";
import { TestWorld } from "./test-world.js";

const DEFAULT_START_MS = Date.UTC(2026, 0, 1);

/**
 * A test of an app's functions: the engine that is deployed, with the AWS services it uses modelled in this process. No
 * port is opened, and time passes only when the test says so.
 *
 * @example
 * const t = await createTest({ functions: [welcomeDrip] });
 * const { ids } = await t.send({ name: "app/user.signed-up", data: { userId: "u_1", email: "ada@example.com" } });
 * await t.advance("8d");
 * expect((await t.runOf(ids[0])).status).toBe("Completed");
 * await t.stop();
 */
export async function createTest<
  const Functions extends readonly TestFunction[],
  Events extends EventMap<Events> = Record<never, never>,
>(options: TestOptions<Functions, Events>): Promise<PerdureTest<Functions, Events>> {
  const { functions, seed = 1, mocks: makeMocks } = options;
  const client: FunctionClient | undefined = options.client ?? functions[0]?.client;
  if (!client) throw testWithoutFunctions({ is: "it has no functions" });
  const startMs = options.startAt === undefined ? DEFAULT_START_MS : timeMs(options.startAt);
  const setup: TestSetup = { client, functions, startMs, seed, makeMocks };
  const mocks = newMocks(setup);
  const world = await TestWorld.start(setup, { mocks });
  return new RunningTest<Functions, Events>(setup, world, mocks);
}
