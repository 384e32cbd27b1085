/** Mutants of what is deployed: who may do what, and how queues and functions are set up (DESIGN §2, §4, §5; PROTOCOL §4). */
import { caughtIn, type Mutant } from "../mutant.js";

export const DEPLOYMENT: readonly Mutant[] = [
  {
    name: "Lambda stops a run after sixteen hops",
    rule: "DESIGN §5: every function of the loop may call in circles",
    file: "infra/loop-function.ts",
    find: "recursiveLoop: RecursiveLoop.ALLOW,",
    replace: "recursiveLoop: RecursiveLoop.TERMINATE,",
    caughtBy: caughtIn("infra/stack", "may call in circles"),
  },
  {
    name: "a worker reaches the runs of all apps",
    rule: "DESIGN §4: a worker touches its own app's runs only",
    file: "runtime/state/keys.ts",
    find: "runsOf: (appId: string): string => `${appId}#RUN#*`,",
    replace: "runsOf: (appId: string): string => `${appId.slice(0, 0)}*#RUN#*`,",
    caughtBy: caughtIn("infra/stack", "a worker reaches its own app's runs"),
  },
];
