/** Owns: what stops a registration at deploy, in the words a developer reads in CloudFormation's events. */
import { defineError } from "../../sdk/error-catalogue.js";

export const workerNotDescribed = defineError<{ app: string; reason: string }>({
  code: "WORKER_NOT_DESCRIBED",
  status: 400,
  retryable: false,
  message: ({ app, reason }) =>
    `Cannot register app "${app}": its worker failed when asked for its functions: ${reason}`,
  remedy:
    "Run the same entry with `perdure dev`, which shows the place. Export `handler = serve({ client, functions })`.",
});

export const workerNotServed = defineError<{ app: string; answer: string }>({
  code: "WORKER_NOT_SERVED",
  status: 400,
  retryable: false,
  message: ({ app, answer }) =>
    `Cannot register app "${app}": its worker answered ${answer} when asked for its functions; expected a manifest`,
  remedy: "Export `handler = serve({ client, functions })` from the entry, with `serve` from perdure/lambda.",
});

export const appMistaken = defineError<{ app: string; found: string }>({
  code: "APP_MISTAKEN",
  status: 400,
  retryable: false,
  message: ({ app, found }) =>
    `Cannot register app "${app}": its worker's client has the id "${found}"; expected the id given to addApp`,
  remedy: "Use one id: `addApp(id, …)` in the stack and `new Perdure({ id })` in the code.",
});
