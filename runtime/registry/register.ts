/**
 * Owns: registration: bringing the table and the cron schedules in line with a worker's manifest. Idempotent: the same
 * manifest again changes nothing; an interrupted one is finished by the next.
 * Order: schedules that are no longer wanted, while the configuration that names them is still there to find them by; then
 * functions, the app, its version (from which readers know that something changed); last the schedules that are wanted, so
 * that no tick comes before the function it is for.
 */
import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { AppManifest, FunctionConfig } from "../../sdk/protocol.js";
import { untilKnown } from "../aws/until-known.js";
import { nameOf } from "../aws/failures.js";
import type { Services } from "../services.js";
import { number, text, type Item } from "../state/attributes.js";
import { ABSENT } from "../state/conditions.js";
import { appKey, FUNCTION_PREFIX, functionKey, REGISTRY_SHARDS, registryKey } from "../state/keys.js";
import { checkManifest } from "./check-manifest.js";
import { cronSchedules, removeCronSchedule, writeCronSchedule, type CronSchedule } from "./cron-schedules.js";
import { LISTENERS_ATTRIBUTE, listensToFinished } from "./listeners.js";
import { readAppItems, readFunctionConfig } from "./registry.js";
import { versionOf } from "./version.js";

export interface Registration {
  manifest: AppManifest;
  /** The queue the app's worker listens to. */
  stepQueueUrl: string;
}

export interface RegistrationResult {
  appId: string;
  version: string;
  added: string[];
  changed: string[];
  removed: string[];
  schedules: number;
}

/** Registers an app. Throws REGISTRATION_REFUSED, with everything that is wrong, before anything is changed. */
export async function registerApp(services: Services, registration: Registration): Promise<RegistrationResult> {
  const { stepQueueUrl } = registration;
  const manifest = checkManifest(registration.manifest);
  const { appId, functions } = manifest;
  const before = await readAppItems(services, appId);
  const known = new Map(
    before
      .filter((item) => item["sk"]?.S?.startsWith(FUNCTION_PREFIX))
      .map((item) => {
        const config = readFunctionConfig(item);
        return [config.id, config] as const;
      }),
  );
  const version = versionOf(functions, stepQueueUrl);
  const ids = new Set(functions.map(({ id }) => id));
  const removed = [...known.keys()].filter((id) => !ids.has(id));
  const schedules = functions.flatMap((config) => cronSchedules(appId, config));
  await removeStaleSchedules(services, appId, [...known.values()], schedules);
  for (const config of functions) await putFunction(services, appId, config);
  for (const id of removed) await deleteFunction(services, appId, id);
  await putApp(services, appId, stepQueueUrl, version);
  await publishVersion(services, appId, { version, listens: functions.some(listensToFinished) });
  for (const schedule of schedules) await writeCronSchedule(services, schedule);
  const changed = functions.filter(({ id }) => known.has(id)).filter((config) => !equal(known.get(config.id), config));
  return {
    appId,
    version,
    added: functions.map(({ id }) => id).filter((id) => !known.has(id)),
    changed: changed.map(({ id }) => id),
    removed,
    schedules: schedules.length,
  };
}

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

async function removeStaleSchedules(
  services: Services,
  appId: string,
  known: readonly FunctionConfig[],
  wanted: readonly CronSchedule[],
): Promise<void> {
  const names = new Set(wanted.map(({ name }) => name));
  const stale = known.flatMap((config) => cronSchedules(appId, config)).filter(({ name }) => !names.has(name));
  for (const { name } of stale) await removeCronSchedule(services, name);
}

function put(services: Services, what: string, item: Item): Promise<unknown> {
  return untilKnown(services, what, () =>
    services.clients.dynamodb.send(new PutItemCommand({ TableName: services.settings.tableName, Item: item })),
  );
}

async function putFunction(services: Services, appId: string, config: FunctionConfig): Promise<void> {
  const key = functionKey(appId, config.id);
  await put(services, `register function "${config.id}"`, {
    pk: text(key.pk),
    sk: text(key.sk),
    config: text(JSON.stringify(config)),
  });
}

async function deleteFunction(services: Services, appId: string, functionId: string): Promise<void> {
  const key = functionKey(appId, functionId);
  await untilKnown(services, `remove function "${functionId}"`, () =>
    services.clients.dynamodb.send(
      new DeleteItemCommand({
        TableName: services.settings.tableName,
        Key: { pk: text(key.pk), sk: text(key.sk) },
      }),
    ),
  );
}

async function putApp(services: Services, appId: string, stepQueueUrl: string, version: string): Promise<void> {
  const key = appKey(appId);
  await put(services, `register app "${appId}"`, {
    pk: text(key.pk),
    sk: text(key.sk),
    stepQueueUrl: text(stepQueueUrl),
    version: text(version),
    registeredAt: number(services.clock.now()),
  });
}

/** Each copy of the list of apps gets the version; another app's registration at the same time is not overwritten. */
async function publishVersion(
  services: Services,
  appId: string,
  { version, listens }: { version: string; listens: boolean },
): Promise<void> {
  const { tableName } = services.settings;
  for (let shard = 0; shard < REGISTRY_SHARDS; shard += 1) {
    const key = registryKey(shard);
    const Key = { pk: text(key.pk), sk: text(key.sk) };
    try {
      await untilKnown(services, "create the registry", () =>
        services.clients.dynamodb.send(
          new PutItemCommand({ TableName: tableName, Item: { ...Key, apps: { M: {} } }, ConditionExpression: ABSENT }),
        ),
      );
    } catch (error) {
      if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
    }
    await untilKnown(services, `publish app "${appId}"`, () =>
      services.clients.dynamodb.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key,
          UpdateExpression: `SET apps.#app = :version ${listens ? "ADD" : "DELETE"} ${LISTENERS_ATTRIBUTE} :listener`,
          ExpressionAttributeNames: { "#app": appId },
          ExpressionAttributeValues: { ":version": text(version), ":listener": { SS: [appId] } },
        }),
      ),
    );
  }
}
