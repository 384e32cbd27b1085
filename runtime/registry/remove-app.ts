/**
 * Owns: taking an app out of the registry: its schedules, its functions, its name. Idempotent; an interrupted removal is
 * finished by the next. Runs stay as they are: they can be looked at, and go on when the app is registered again.
 * Order: schedules, while the configurations that name them are still there; then the lists readers begin at; then items.
 */
import { DeleteItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { nameOf } from "../aws/failures.js";
import { untilKnown } from "../aws/until-known.js";
import type { Services } from "../services.js";
import { readText, text } from "../state/attributes.js";
import { PRESENT } from "../state/conditions.js";
import { appKey, FUNCTION_PREFIX, REGISTRY_SHARDS, registryKey, type Key } from "../state/keys.js";
import { cronSchedules, removeCronSchedule } from "./cron-schedules.js";
import { LISTENERS_ATTRIBUTE } from "./listeners.js";
import { readAppItems, readFunctionConfig } from "./registry.js";

/**
 * Removes an app whose worker listens to `stepQueueUrl`. False, and nothing is changed, when the app is not registered or
 * meanwhile has another queue: then it has been deployed anew from elsewhere, and what is removed is the old one.
 */
export async function removeApp(
  services: Services,
  { appId, stepQueueUrl }: { appId: string; stepQueueUrl: string },
): Promise<boolean> {
  const items = await readAppItems(services, appId);
  const app = items.find((item) => item["sk"]?.S === appKey(appId).sk);
  const functions = items.filter((item) => item["sk"]?.S?.startsWith(FUNCTION_PREFIX));
  if (!app || readText(app, "stepQueueUrl") !== stepQueueUrl) return false;
  for (const config of functions.map(readFunctionConfig)) {
    for (const { name } of cronSchedules(appId, config)) await removeCronSchedule(services, name);
  }
  for (let shard = 0; shard < REGISTRY_SHARDS; shard += 1) await unlist(services, appId, registryKey(shard));
  for (const item of functions) await deleteItem(services, { pk: appKey(appId).pk, sk: item["sk"]?.S ?? "" });
  // Last: as long as it is there, a removal that was interrupted knows that it has something to do.
  await deleteItem(services, appKey(appId));
  return true;
}

async function unlist(services: Services, appId: string, key: Key): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: services.settings.tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
    UpdateExpression: `REMOVE apps.#app DELETE ${LISTENERS_ATTRIBUTE} :listener`,
    ConditionExpression: PRESENT,
    ExpressionAttributeNames: { "#app": appId },
    ExpressionAttributeValues: { ":listener": { SS: [appId] } },
  });
  try {
    await untilKnown(services, `unlist app "${appId}"`, () => services.clients.dynamodb.send(command));
  } catch (error) {
    // This copy of the list was never made.
    if (nameOf(error) !== "ConditionalCheckFailedException") throw error;
  }
}

async function deleteItem(services: Services, key: Key): Promise<void> {
  const command = new DeleteItemCommand({
    TableName: services.settings.tableName,
    Key: { pk: text(key.pk), sk: text(key.sk) },
  });
  await untilKnown(services, `remove "${key.pk}"`, () => services.clients.dynamodb.send(command));
}
