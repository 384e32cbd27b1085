/** Scenarios of one test file, all stopped after each of its tests. */
import { afterEach } from "vitest";
import { Scenario, type ScenarioOptions } from "./world.js";

/** Call once in a test file; returns the function that starts its scenarios. */
export function scenarios(): (options: ScenarioOptions) => Promise<Scenario> {
  const running: Scenario[] = [];
  afterEach(async () => {
    for (const scenario of running.splice(0)) await scenario.stop();
  });
  return async (options) => {
    const scenario = await Scenario.start(options);
    running.push(scenario);
    return scenario;
  };
}
