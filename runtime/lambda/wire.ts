/** Owns: the sandbox's services, made once, with metrics as Lambda keeps them. For every function; the heart's thread makes its own. */
import { realClock } from "../../sdk/clock.js";
import { emfMetrics } from "./emf-metrics.js";
import { readWiring, type Wiring } from "./wiring.js";

let wiring: Wiring | null = null;

/** The sandbox's services. Throws SETTING_MISSING when the environment is incomplete. */
export function wire(): Wiring {
  wiring ??= readWiring((platform) => emfMetrics(platform, realClock));
  return wiring;
}
