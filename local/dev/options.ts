/**
 * Owns: what `perdure dev` can be told, by flag or by environment, and what it refuses.
 * Must not: touch the file system or start anything.
 */
import { parseArgs } from "node:util";
import { optionInvalid } from "./errors.js";

export interface DevOptions {
  /** As given; undefined: one of the default places. */
  entry: string | undefined;
  port: number;
  dataDirectory: string;
  fresh: boolean;
  eventKey: string;
  signingKey: string;
}

export const COMMAND_HELP = `Usage: perdure <command>

Commands
  dev          Runs your functions on this machine. perdure dev --help lists its options.

Options
  --version    Shows the version.
  --help       Shows this.
`;

export const DEV_HELP = `Usage: perdure dev [options]

Runs your functions on this machine, with the platform's own Lambda code against an embedded model of AWS.

Options                     Environment           Default
  --entry FILE              PERDURE_ENTRY         src/worker.ts, worker.ts or examples/worker.ts
  --port NUMBER             PERDURE_PORT          8288
  --data DIR                PERDURE_DATA          .perdure
  --fresh                   PERDURE_FRESH=1       keep what is in the data directory
  --event-key KEY           PERDURE_EVENT_KEY     dev
  --signing-key KEY         PERDURE_SIGNING_KEY   dev
  --help                                          show this

A flag wins over its environment variable. AWS_ENDPOINT_URL_DYNAMODB, _SQS, _S3 or _SCHEDULER, when set, names a
service to use instead of the embedded one.
`;

type Environment = Readonly<Record<string, string | undefined>>;

interface Flags {
  entry?: string | undefined;
  port?: string | undefined;
  data?: string | undefined;
  fresh?: boolean | undefined;
  "event-key"?: string | undefined;
  "signing-key"?: string | undefined;
  help?: boolean | undefined;
}

/** The options, or "help" when that was asked for. Throws OPTION_INVALID. */
export function readDevOptions(args: readonly string[], environment: Environment): DevOptions | "help" {
  const flags = readFlags(args);
  if (flags.help === true) return "help";
  const given = (flag: string | undefined, variable: string): string | undefined =>
    flag ?? (environment[variable] || undefined);
  return {
    entry: notEmpty("--entry", given(flags.entry, "PERDURE_ENTRY")),
    port: readPort(given(flags.port, "PERDURE_PORT") ?? "8288"),
    dataDirectory: notEmpty("--data", given(flags.data, "PERDURE_DATA")) ?? ".perdure",
    fresh: flags.fresh ?? readSwitch("PERDURE_FRESH", environment["PERDURE_FRESH"]),
    eventKey: readKey("--event-key", given(flags["event-key"], "PERDURE_EVENT_KEY") ?? "dev"),
    signingKey: readKey("--signing-key", given(flags["signing-key"], "PERDURE_SIGNING_KEY") ?? "dev"),
  };
}

function readFlags(args: readonly string[]): Flags {
  const string = { type: "string" } as const;
  const boolean = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        entry: string,
        port: string,
        data: string,
        fresh: boolean,
        "event-key": string,
        "signing-key": string,
        help: { ...boolean, short: "h" },
      },
    });
    return values;
  } catch (error) {
    const is = error instanceof Error ? error.message.split(". ")[0] : String(error);
    throw optionInvalid({
      option: args.join(" "),
      is: is ?? "it cannot be read",
      expected: "options as --help lists them",
    });
  }
}

function notEmpty(option: string, value: string | undefined): string | undefined {
  if (value === "") throw optionInvalid({ option, is: "it is empty", expected: "a path" });
  return value;
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw optionInvalid({ option: "--port", is: `it is "${text.slice(0, 40)}"`, expected: "a number from 0 to 65535" });
}

function readSwitch(option: string, text: string | undefined): boolean {
  if (text === undefined || text === "" || text === "0" || text === "false") return false;
  if (text === "1" || text === "true") return true;
  throw optionInvalid({ option, is: `it is "${text.slice(0, 40)}"`, expected: "1 or 0" });
}

/** Keys travel in a URL and in a header; the functions take a list of them separated by commas. The value is not shown. */
function readKey(option: string, key: string): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(key)) return key;
  const is = "it has a character a key cannot have, or is too long";
  throw optionInvalid({ option, is, expected: "1 to 128 letters, digits, hyphens and underscores" });
}
