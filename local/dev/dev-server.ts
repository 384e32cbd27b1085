/**
 * Owns: `perdure dev` as a whole: the order in which its parts start, and in which they stop.
 * Invariants: I1 nothing is acknowledged that is not in the durable log. I2 no message is taken before the functions are
 * registered. I3 whatever started is stopped again, also when a later part cannot start.
 * Must not: contain a part.
 */
import { relative, resolve } from "node:path";
import type { AssembledPlatform } from "../lambda/assembled-platform.js";
import { errorResponse } from "../lambda/http-message.js";
import { listenHttp } from "../lambda/http-server.js";
import type { Dispatcher, HttpListener } from "../lambda/http-server.js";
import type { QueueAddress } from "../lambda/message-source.js";
import { describePlatform, queueArn, queueUrl } from "../platform.js";
import type { Platform } from "../platform.js";
import { greet, tellRunEnd, tellRunStart } from "./announcement.js";
import { startAws } from "./aws-host.js";
import type { AwsHost } from "./aws-host.js";
import { findEntry } from "./bundle.js";
import { loadCode } from "./code-reload.js";
import { openDataDirectory } from "./data-directory.js";
import { assembleDevPlatform } from "./dev-platform.js";
import type { DevPlatformParts, DevWorld } from "./dev-platform.js";
import { externalServices } from "./endpoints.js";
import { portInUse, portRefused, resourcesNotCreated } from "./errors.js";
import { tellError } from "./failure.js";
import type { DevOptions } from "./options.js";
import { createResources, withRealAddresses } from "./resources.js";
import type { QueueAddresses } from "./resources.js";
import { headWrittenBy, RunAttribution } from "./run-attribution.js";
import { RunCosts, runsOfEvent } from "./run-costs.js";
import { OBSERVER, RunWatch } from "./run-watch.js";
import { connectSchedules } from "./schedule-bridge.js";

export interface DevServer {
  url: string;
  /** Takes no further message, gives what runs up to `graceMs`, and closes everything. */
  stop(graceMs: number): Promise<void>;
}

type Closer = (graceMs: number) => Promise<void> | void;

const LOOPBACK = "127.0.0.1";

/** Starts everything, or throws what prevents it with nothing left running (I3). */
export async function startDev(options: DevOptions, world: DevWorld): Promise<DevServer> {
  const closers: Closer[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close(graceMs);
  };
  try {
    const url = await start(options, world, (closer) => closers.push(closer));
    return { url, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

async function start(options: DevOptions, world: DevWorld, onStop: (closer: Closer) => void): Promise<string> {
  const entryFile = findEntry(options.entry, world.directory);
  const { listener, serveWith } = await listen(options.port);
  onStop(() => listener.close());
  const url = `http://localhost:${listener.port}`;
  const dataDirectory = resolve(world.directory, options.dataDirectory);
  const host = await hostAws(options, world, dataDirectory);
  onStop(() => host.close());
  const parts = await prepareParts(options, world, host, { dataDirectory, url });
  const platform = assembleDevPlatform(world, parts);
  onStop((graceMs) => platform.stop(graceMs));
  const code = await loadCode(world, parts, platform, entryFile);
  onStop(() => code.close());
  onStop(
    await connectSchedules({ ...parts, platform, ...world, onProblem: (error) => tellError(world.terminal, error) }),
  );
  platform.start();
  serveWith(platform.api);
  // What the first event meets on its way: a laptop's first impression should not be four cold starts.
  for (const name of ["ingest", "dispatch", "worker"] as const) void platform.function(name).warm();
  greet(world.terminal, {
    version: world.version,
    url,
    options,
    entry: relative(world.directory, entryFile),
    entryFile,
    manifest: code.manifest,
    external: Object.entries(externalServices(world.environment)),
  });
  return url;
}

/** First of all, as this is what most often fails. Requests are told to come again until the platform stands. */
async function listen(
  port: number,
): Promise<{ listener: HttpListener; serveWith(api: AssembledPlatform["api"]): void }> {
  let current: Dispatcher = { dispatch: () => Promise.resolve(errorResponse(503, "Service Unavailable")) };
  const dispatcher: Dispatcher = { dispatch: (request) => current.dispatch(request) };
  const listener = await listenHttp(dispatcher, { port, host: LOOPBACK }).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw code === "EADDRINUSE" ? portInUse({ port }) : portRefused({ port, reason: code });
  });
  return {
    listener,
    serveWith: (api) => {
      current = api;
    },
  };
}

function hostAws(options: DevOptions, world: DevWorld, dataDirectory: string): Promise<AwsHost> {
  const { clock, random, environment, terminal } = world;
  return startAws({
    clock,
    random,
    log: openDataDirectory(dataDirectory, options.fresh),
    external: externalServices(environment),
    environment,
    onError: (error) => tellError(terminal, error),
  });
}

async function prepareParts(
  options: DevOptions,
  world: DevWorld,
  host: AwsHost,
  place: { dataDirectory: string; url: string },
): Promise<DevPlatformParts> {
  const { eventKey, signingKey } = options;
  const sqsEndpoint = host.endpoints.sqs;
  const described = describePlatform({ sqsEndpoint, eventKey, signingKey, publicUrl: place.url });
  const created = await createResources(described, host.clients(OBSERVER), world.clock).catch((error: unknown) => {
    const services = Object.values(externalServices(world.environment));
    // Without any of them it is the model that refused: a bug, shown as it is.
    if (services.length === 0) throw error;
    throw resourcesNotCreated(
      { services, reason: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  });
  // The model answers with a name of its own for itself; processes reach it through the wire face.
  const addresses =
    externalServices(world.environment).sqs === undefined ? ownAddresses(described, sqsEndpoint) : created;
  return {
    description: withRealAddresses(described, addresses, sqsEndpoint),
    addresses,
    host,
    onReport: watchRuns(world, host, described.tableName),
    dataDirectory: place.dataDirectory,
  };
}

function ownAddresses(description: Platform, sqsEndpoint: string): QueueAddresses {
  const address = (name: string): QueueAddress => ({ queueUrl: queueUrl(sqsEndpoint, name), queueArn: queueArn(name) });
  return new Map(description.queues.map(({ name }) => [name, address(name)]));
}

/**
 * From the first call on, each is counted for its run, and a run whose head is written is looked at. The result takes the
 * reports of invocations: they cost, and tell of runs in a table from outside, whose calls nobody here sees.
 */
function watchRuns(world: DevWorld, host: AwsHost, tableName: string): DevPlatformParts["onReport"] {
  const { clock, terminal } = world;
  const costs = new RunCosts(host.aws.ledger);
  const runs = new RunWatch({
    dynamodb: host.clients(OBSERVER).dynamodb,
    tableName,
    clock,
    onStart: (head, resumed) => tellRunStart(terminal, clock.now(), head, resumed),
    onEnd: (head, resumed) => tellRunEnd(terminal, clock.now(), head, { ...costs.of(head.runId), resumed }),
    onProblem: (error) => tellError(terminal, error),
  });
  const attribution = new RunAttribution();
  host.aws.ledger.attributeBy((call, output) => {
    if (call.caller.name === OBSERVER) return undefined;
    const attributed = attribution.attribute(call, output);
    if (output !== undefined && headWrittenBy(call)) for (const run of attributed ?? []) runs.touch(run);
    return attributed;
  });
  const isTableOutside = externalServices(world.environment).dynamodb !== undefined;
  return (report) => {
    costs.record(report);
    if (isTableOutside) for (const run of runsOfEvent(report.event)) runs.touch(run);
  };
}
