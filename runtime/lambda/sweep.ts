/** The sweep Lambda: once a minute. */
import { Sweeper, type SweepResult } from "../sweep/sweep.js";
import { wire } from "./wire.js";

const sweeper = new Sweeper(wire().services);

export const handler = (): Promise<SweepResult> => sweeper.sweep();
