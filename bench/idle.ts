/**
 * Owns: what a deployed stack costs in a month in which nothing happens: what AWS bills for being there, counted in the
 * template, and the sweeper's every minute, counted on a virtual clock.
 */
import { entriesOf, isObject, type JsonObject } from "../local/deploy/json.js";
import { priceOf } from "../local/aws/ledger.js";
import { client, steps } from "./cost-functions.js";
import { HOUR, Scenario } from "../test/scenario/world.js";

const HOURS = 730;
/** Lambda's pollers of one mapping: five long polls of 20 s, which do not become fewer when a maximum is set (aws.md §1.1). */
const POLLS_PER_MONTH = (5 * HOURS * 3_600) / 20;
const SQS_DOLLARS = 0.4e-6;
const SECRET_DOLLARS = 0.4;
const ALARM_DOLLARS = 0.1;
/** The first three of an account are free; counted all the same. */
const DASHBOARD_DOLLARS = 3;
/** Warm, half a gigabyte, thirty-two queries side by side in groups of eight. */
const SWEEP_MS = 60;
const SWEEP_GB = 0.5;
const GB_SECOND_DOLLARS = 1.33334e-5;
const INVOCATION_DOLLARS = 0.2e-6;
const INVOCATION_LOG_DOLLARS = (270 / 1e9) * 0.5;

export async function idleCost(template: JsonObject): Promise<Record<string, number>> {
  const resources = entriesOf(template["Resources"]).map(([, resource]) =>
    isObject(resource) ? resource["Type"] : "",
  );
  const count = (type: string): number => resources.filter((each) => each === type).length;
  const parts = {
    queuePolling: count("AWS::Lambda::EventSourceMapping") * POLLS_PER_MONTH * SQS_DOLLARS,
    sweeper: (await sweeperHour()) * HOURS,
    secrets: count("AWS::SecretsManager::Secret") * SECRET_DOLLARS,
    alarms: count("AWS::CloudWatch::Alarm") * ALARM_DOLLARS,
    dashboards: count("AWS::CloudWatch::Dashboard") * DASHBOARD_DOLLARS,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** Dollars of an hour in which the sweeper finds nothing. */
async function sweeperHour(): Promise<number> {
  const scenario = await Scenario.start({ client, functions: [steps(1)], sweeper: true });
  const mark = scenario.world.aws.ledger.mark();
  let sweeps = 0;
  scenario.world.onInvocation(() => (sweeps += 1));
  await scenario.advance(HOUR);
  const { units } = scenario.world.aws.ledger.since(mark);
  await scenario.stop();
  const lambda = INVOCATION_DOLLARS + (SWEEP_MS / 1_000) * SWEEP_GB * GB_SECOND_DOLLARS;
  return priceOf(units) + sweeps * (lambda + INVOCATION_LOG_DOLLARS);
}
