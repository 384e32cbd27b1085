/** Owns: what the command line refuses, with the one thing to do next. */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const nodeTooOld = defineError<{ found: string; needed: string }>({
  code: "NODE_TOO_OLD",
  status: 500,
  retryable: false,
  message: ({ found, needed }) => `Cannot start perdure on Node "${found}": it is too old; expected ${needed} or newer`,
  remedy: "Install a current Node (https://nodejs.org) and try again.",
});

export const commandUnknown = defineError<{ command: string }>({
  code: "COMMAND_UNKNOWN",
  status: 400,
  retryable: false,
  message: ({ command }) => `Cannot run command ${shown(command)}: there is no such command; expected "dev"`,
  remedy: "Run perdure --help for what there is.",
});

export const optionInvalid = defineError<{ option: string; is: string; expected: string }>({
  code: "OPTION_INVALID",
  status: 400,
  retryable: false,
  message: ({ option, is, expected }) => `Cannot read option ${shown(option)}: ${is}; expected ${expected}`,
  remedy: "Run perdure dev --help for the options and their environment variables.",
});

export const entryMissing = defineError<{ entry: string }>({
  code: "ENTRY_MISSING",
  status: 400,
  retryable: false,
  message: ({ entry }) =>
    `Cannot load entry ${shown(entry)}: there is no such file; expected a module that exports "handler" from serve()`,
  remedy: "Give the right path with --entry.",
});

export const entryNotFound = defineError<{ tried: readonly string[] }>({
  code: "ENTRY_NOT_FOUND",
  status: 400,
  retryable: false,
  message: ({ tried }) =>
    `Cannot find entry "default": none of ${tried.join(", ")} exists; expected a module that exports "handler" from serve()`,
  remedy: "Create src/worker.ts, or name the file with --entry FILE.",
});

export const entryWithoutHandler = defineError<{ entry: string }>({
  code: "ENTRY_WITHOUT_HANDLER",
  status: 400,
  retryable: false,
  message: ({ entry }) => `Cannot use entry ${shown(entry)}: it exports no "handler"; expected the result of serve()`,
  remedy: 'Add: export const handler = serve({ client, functions }), with serve imported from "perdure/lambda".',
});

export const entryNotServed = defineError<{ entry: string }>({
  code: "ENTRY_NOT_SERVED",
  status: 400,
  retryable: false,
  message: ({ entry }) =>
    `Cannot use entry ${shown(entry)}: its "handler" did not name its functions; expected the result of serve()`,
  remedy: 'Export what serve({ client, functions }) from "perdure/lambda" returns, without a wrapper around it.',
});

export const entryFailed = defineError<{ entry: string; reason: string }>({
  code: "ENTRY_FAILED",
  status: 400,
  retryable: false,
  message: ({ entry, reason }) => `Cannot load entry ${shown(entry)}: ${reason}; expected a module that loads`,
  remedy: "Fix the error shown and save the file; a running server reads it again, a stopped one must be started.",
});

export const entryNotBuilt = defineError<{ entry: string; details: string }>({
  code: "ENTRY_NOT_BUILT",
  status: 400,
  retryable: false,
  message: ({ entry, details }) =>
    `Cannot bundle entry ${shown(entry)}: esbuild found errors; expected a module that builds\n${details}`,
  remedy: "Fix the errors shown and save the file; a running server reads it again, a stopped one must be started.",
});

export const registrationFailed = defineError<{ app: string; reason: string }>({
  code: "REGISTRATION_FAILED",
  status: 400,
  retryable: false,
  message: ({ app, reason }) => `Cannot register app ${shown(app)}: ${reason}; expected every function to be accepted`,
  remedy: "Fix the function named and save the file; a running server reads it again, a stopped one must be started.",
});

export const portInUse = defineError<{ port: number }>({
  code: "PORT_IN_USE",
  status: 500,
  retryable: true,
  message: ({ port }) => `Cannot listen on port "${port}": another process is using it; expected a free port`,
  remedy: "Stop the other process, or choose another port with --port.",
});

export const portRefused = defineError<{ port: number; reason: string }>({
  code: "PORT_REFUSED",
  status: 500,
  retryable: false,
  message: ({ port, reason }) =>
    `Cannot listen on port "${port}": the system refuses (${reason}); expected a free port`,
  remedy: "Choose a port of 1024 or above with --port.",
});

export const dataDirectoryUnusable = defineError<{ directory: string; reason: string }>({
  code: "DATA_DIRECTORY_UNUSABLE",
  status: 500,
  retryable: false,
  message: ({ directory, reason }) =>
    `Cannot use data directory ${shown(directory)}: ${reason}; expected a directory this user may write`,
  remedy: "Name another directory with --data.",
});

export const buildMissing = defineError<{ file: string }>({
  code: "BUILD_MISSING",
  status: 500,
  retryable: false,
  message: ({ file }) => `Cannot find built file ${shown(file)}: it is not there; expected a complete installation`,
  remedy: "In the repository, run npm run build; elsewhere, install perdure again.",
});

export const resourcesNotCreated = defineError<{ services: readonly string[]; reason: string }>({
  code: "RESOURCES_NOT_CREATED",
  status: 500,
  retryable: true,
  message: ({ services, reason }) =>
    `Cannot create resources "on ${services.join(", ")}": ${reason}; expected services that answer as AWS does`,
  remedy: "Start the service named by AWS_ENDPOINT_URL_…, or unset the variable to use the embedded one.",
});
