/**
 * Owns: what is registered, as dispatch and the API see it: read with one small strongly consistent read for each batch,
 * loaded anew only for apps whose version has changed.
 */
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import type { ConcurrencyConfig, FunctionConfig } from "../../sdk/protocol.js";
import { untilKnown } from "../aws/until-known.js";
import { isEventMatch } from "../../sdk/triggers.js";
import { compileExpression, type CompiledExpression } from "../expressions/cel.js";
import type { Services } from "../services.js";
import { readNumber, readText, requireText, text, type Item } from "../state/attributes.js";
import { appKey, FUNCTION_PREFIX, REGISTRY_SHARDS, registryKey } from "../state/keys.js";
import { queryAll } from "../state/query-all.js";
import { versionOf } from "./version.js";

/** An event trigger, ready to be asked. */
interface EventMatcher {
  pattern: string;
  condition: CompiledExpression | null;
}

/** A cron, and by how much at most each of its starts is put off. */
export interface CronTick {
  cron: string;
  jitterMs: number;
}

/** A limit, and what tells whose places a run takes; null: all runs share them. */
export interface RegisteredConcurrency {
  config: ConcurrencyConfig;
  key: CompiledExpression | null;
}

export interface RegisteredFunction {
  appId: string;
  config: FunctionConfig;
  matchers: readonly EventMatcher[];
  crons: readonly CronTick[];
  /** One run for each of its values in 24 hours. */
  idempotency: CompiledExpression | null;
  /** Empty when nothing limits it. */
  concurrency: readonly RegisteredConcurrency[];
}

export interface RegisteredApp {
  appId: string;
  version: string;
  stepQueueUrl: string;
  registeredAtMs: number;
  functions: readonly RegisteredFunction[];
}

export interface Registry {
  apps: ReadonlyMap<string, RegisteredApp>;
}

export class RegistryReader {
  readonly #services: Services;
  readonly #apps = new Map<string, RegisteredApp>();

  constructor(services: Services) {
    this.#services = services;
  }

  /** What is registered now. */
  async current(): Promise<Registry> {
    const versions = await this.#versions();
    const apps = new Map<string, RegisteredApp>();
    for (const [appId, version] of versions) {
      const known = this.#apps.get(appId);
      const app = known?.version === version ? known : await this.#load(appId);
      if (!app) continue;
      // A registration that is under way, or was interrupted, shows a mixture: it is used, and looked at again next time.
      if (isWhole(app)) this.#apps.set(appId, app);
      apps.set(appId, app);
    }
    return { apps };
  }

  async #versions(): Promise<Map<string, string>> {
    const key = registryKey(Math.floor(this.#services.random.unit() * REGISTRY_SHARDS));
    const answer = await untilKnown(this.#services, "read the registry", () =>
      this.#services.clients.dynamodb.send(
        new GetItemCommand({
          TableName: this.#services.settings.tableName,
          Key: { pk: text(key.pk), sk: text(key.sk) },
          ConsistentRead: true,
        }),
      ),
    );
    const apps = answer.Item?.["apps"]?.M ?? {};
    return new Map(Object.entries(apps).map(([appId, version]) => [appId, version.S ?? ""]));
  }

  async #load(appId: string): Promise<RegisteredApp | null> {
    const items = await readAppItems(this.#services, appId);
    return readApp(appId, items);
  }
}

function isWhole({ functions, stepQueueUrl, version }: RegisteredApp): boolean {
  const configs = functions.map(({ config }) => config);
  return versionOf(configs, stepQueueUrl) === version;
}

/** All items of an app's registration. */
export async function readAppItems(services: Services, appId: string): Promise<Item[]> {
  const { items } = await queryAll(services, `read the functions of app "${appId}"`, {
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": text(appKey(appId).pk) },
  });
  return items;
}

function readApp(appId: string, items: readonly Item[]): RegisteredApp | null {
  const app = items.find((item) => item["sk"]?.S === appKey(appId).sk);
  if (!app) return null;
  const functions = items.filter((item) => item["sk"]?.S?.startsWith(FUNCTION_PREFIX));
  return {
    appId,
    version: requireText(app, "version"),
    stepQueueUrl: requireText(app, "stepQueueUrl"),
    registeredAtMs: readNumber(app, "registeredAt") ?? 0,
    functions: functions.map((item) => readFunction(appId, item)),
  };
}

export function readFunctionConfig(item: Item): FunctionConfig {
  // Written by registration, from a checked manifest, and by nothing else.
  return JSON.parse(readText(item, "config") ?? "{}") as FunctionConfig;
}

function readFunction(appId: string, item: Item): RegisteredFunction {
  const config = readFunctionConfig(item);
  const matchers: EventMatcher[] = [];
  const crons: CronTick[] = [];
  for (const trigger of config.triggers) {
    if ("cron" in trigger) crons.push({ cron: trigger.cron, jitterMs: trigger.jitterMs ?? 0 });
    else matchers.push({ pattern: trigger.event, condition: expressionOf(trigger.if) });
  }
  const concurrency = (config.concurrency ?? []).map((limit) => ({ config: limit, key: expressionOf(limit.key) }));
  return { appId, config, matchers, crons, idempotency: expressionOf(config.idempotency), concurrency };
}

function expressionOf(expression: string | undefined): CompiledExpression | null {
  return expression === undefined ? null : compileExpression(expression, { variables: ["event"] });
}

/** Whether an event starts the function. A condition that fails or is not a boolean does not; others are unaffected. */
export function isTriggeredBy(registered: RegisteredFunction, event: { name: string }): boolean {
  return registered.matchers.some(
    ({ pattern, condition }) =>
      isEventMatch(pattern, event.name) && (condition === null || condition.evaluate({ event })),
  );
}

/** The functions an event starts. */
export function triggeredBy(registry: Registry, event: { name: string }): RegisteredFunction[] {
  return [...registry.apps.values()]
    .flatMap((app) => app.functions)
    .filter((registered) => isTriggeredBy(registered, event));
}

/** Whether any function may be started by events of that name. */
export function hasListener(registry: Registry, eventName: string): boolean {
  return [...registry.apps.values()].some((app) =>
    app.functions.some(({ matchers }) => matchers.some(({ pattern }) => isEventMatch(pattern, eventName))),
  );
}
