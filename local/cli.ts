#!/usr/bin/env node
/**
 * Owns: the `perdure` command: which command was asked for, how an error is shown, what Ctrl-C does, the exit code.
 * Must not: import anything that an old Node cannot load before the version was looked at; the rest is imported after.
 */
import type { DevServer } from "./dev/dev-server.js";

/** As in package.json, "engines". */
const NODE_NEEDED = [20, 19] as const;

/** What runs is given this long to finish when the server is stopped. */
const GRACE_MS = 2_000;
/** npm passes on a Ctrl-C that the terminal has sent us already: two within this time are one. */
const SAME_SIGNAL_MS = 500;

function isNodeOldEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
}

/** The version comes from the package this file is built into. */
async function packageVersion(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const content: unknown = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  const isVersioned = typeof content === "object" && content !== null && "version" in content;
  return isVersioned ? String(content.version) : "unknown";
}

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args;
  const { COMMAND_HELP, DEV_HELP, readDevOptions } = await import("./dev/options.js");
  if (command === "--version" || command === "-v") return write(`${await packageVersion()}\n`);
  if (command === undefined || command === "--help" || command === "-h" || command === "help")
    return write(COMMAND_HELP);
  const { commandUnknown } = await import("./dev/errors.js");
  if (command !== "dev") throw commandUnknown({ command });
  const options = readDevOptions(rest, process.env);
  if (options === "help") return write(DEV_HELP);
  // As in a sandbox (local/dev/endpoints.ts): the SDK's advice about Node is for whoever deploys.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  const { startDev } = await import("./dev/dev-server.js");
  const { openTerminal } = await import("./dev/terminal.js");
  const { realClock, realRandom } = await import("../sdk/clock.js");
  const starting = startDev(options, {
    clock: realClock,
    random: realRandom,
    terminal: openTerminal(process.stdout, process.env),
    environment: process.env,
    directory: process.cwd(),
    installation: import.meta.dirname,
    version: await packageVersion(),
  });
  stopOnSignals(starting, () => realClock.monotonic());
  await starting;
}

/** The first signal lets what runs finish and exits with 0; a second one exits at once. Children end with this process. */
function stopOnSignals(starting: Promise<DevServer>, monotonic: () => number): void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    if (firstAt !== undefined) {
      if (monotonic() - firstAt > SAME_SIGNAL_MS) process.exit(130);
      return;
    }
    firstAt = monotonic();
    starting
      .then((server) => server.stop(GRACE_MS))
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
}

function write(text: string): void {
  process.stdout.write(text);
}

async function fail(error: unknown): Promise<never> {
  const { openTerminal } = await import("./dev/terminal.js");
  const { tellError } = await import("./dev/failure.js");
  tellError(openTerminal(process.stderr, process.env), error);
  process.exit(1);
}

if (isNodeOldEnough(process.versions.node)) {
  await main(process.argv.slice(2)).catch(fail);
} else {
  const { nodeTooOld } = await import("./dev/errors.js");
  await fail(nodeTooOld({ found: process.versions.node, needed: NODE_NEEDED.join(".") }));
}
