/** Owns: what the constructs refuse, while the stack is being synthesized: before anything is deployed. */
import { defineError } from "../sdk/error-catalogue.js";

export const settingRefused = defineError<{ what: string; id: string; is: string; expected: string }>({
  code: "STACK_SETTING_REFUSED",
  status: 400,
  retryable: false,
  message: ({ what, id, is, expected }) => `Cannot configure ${what} "${id}": ${is}; expected ${expected}`,
  remedy: "Correct the property in your CDK code. Nothing has been deployed.",
});

export const runtimeNotBuilt = defineError<{ directory: string }>({
  code: "RUNTIME_NOT_BUILT",
  status: 500,
  retryable: false,
  message: ({ directory }) =>
    `Cannot find the platform's functions near "${directory}": there is no built runtime; expected dist/runtime`,
  remedy: "In this repository run `npm run build` first; in a project of your own install the package again.",
});

export const workerNotBundled = defineError<{ entry: string; details: string }>({
  code: "WORKER_NOT_BUNDLED",
  status: 400,
  retryable: false,
  message: ({ entry, details }) =>
    `Cannot bundle worker "${entry}": esbuild refused it; expected a module:\n${details}`,
  remedy: "Correct the code, or name packages that cannot be bundled in bundling.external and provide them in a layer.",
});
