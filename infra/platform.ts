/**
 * Owns: `PerdurePlatform`, the construct a stack is given: everything durable functions need in an account, in one line, and
 * apps added to it.
 */
import { CfnOutput, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { settingRefused } from "./errors.js";
import { HttpGateway, type CustomDomain } from "./http-gateway.js";
import {
  commonEnvironment,
  exportLinks,
  importLinks,
  type AttachOptions,
  type PlatformLinks,
  type StateLinks,
} from "./links.js";
import { PlatformAlarms } from "./alarms.js";
import { PlatformDashboard } from "./dashboard.js";
import { PlatformApp, type AppOptions, type PlatformAppProps } from "./platform-app.js";
import { PlatformFunctions } from "./platform-functions.js";
import { PlatformState } from "./platform-state.js";
import { RETENTION_DAYS } from "./sizes.js";

export interface PerdurePlatformProps {
  /**
   * What its exports begin with, and the dimension `service` of its metrics; "perdure" by default. Two platforms in one account
   * and region need two names.
   */
  name?: string;
  /** Days a finished run, its events and its payloads are kept; 14 by default. */
  retentionDays?: number;
  /** Of every log group; a month by default. */
  logRetention?: RetentionDays;
  /** Of what holds data; RETAIN by default. With DESTROY everything goes with the stack. */
  removalPolicy?: RemovalPolicy;
  /** The table's own key. By default DynamoDB's, which costs nothing. */
  tableEncryptionKey?: IKey;
  /** The payload bucket's own key. By default S3's. */
  payloadEncryptionKey?: IKey;
  /** "key" by default: `POST /e/:eventKey`. "iam": the same, and the request must be signed (SigV4). */
  eventAuth?: "key" | "iam";
  domain?: CustomDomain;
  /** Requests a second over all routes, and at once; 1,000 and 2,000 by default. */
  throttle?: { rateLimit: number; burstLimit: number };
  /** Told of every alarm. */
  alarmTopic?: ITopic;
  /** False: no alarms. */
  alarms?: boolean;
  /** False: no dashboard. */
  dashboard?: boolean;
}

const DEFAULT_THROTTLE = { rateLimit: 1_000, burstLimit: 2_000 };
const LONGEST_RETENTION_DAYS = 365;

/** What all apps of a platform have in common. */
type AppDefaults = Pick<PlatformAppProps, "logRetention" | "removalPolicy" | "platformName" | "alarms" | "alarmTopic">;

/** A platform whose apps can be added to: here, or from another stack. */
abstract class AppHost extends Construct {
  protected abstract readonly links: PlatformLinks;
  protected abstract readonly defaults: AppDefaults;

  /**
   * Deploys an app: bundles its entry, makes its worker and its queue, and registers its functions once the code is live.
   * `appId` is the id its client has: `new Perdure({ id })`. Returns the worker, to be granted what your code needs.
   *
   * @example
   * const worker = platform.addApp("shop", { entry: "src/worker.ts" });
   * orders.grantReadWriteData(worker);
   */
  addApp(appId: string, options: AppOptions): LambdaFunction {
    const app = new PlatformApp(this, `App-${appId}`, { ...options, appId, links: this.links, ...this.defaults });
    this.show(appId, app);
    return app.worker.lambda;
  }

  /** Puts an app on the dashboard, where there is one. */
  protected abstract show(appId: string, app: PlatformApp): void;
}

/**
 * Durable functions in this account.
 *
 * @example
 * const platform = new PerdurePlatform(this, "Perdure");
 * platform.addApp("shop", { entry: "src/worker.ts" });
 */
export class PerdurePlatform extends AppHost {
  readonly state: PlatformState;
  readonly functions: PlatformFunctions;
  /** Where the API is, without a slash at its end. */
  readonly url: string;
  protected readonly links: PlatformLinks;
  protected readonly defaults: AppDefaults;

  readonly #dashboard: PlatformDashboard | null;

  constructor(scope: Construct, id: string, props: PerdurePlatformProps = {}) {
    super(scope, id);
    const retentionDays = props.retentionDays ?? RETENTION_DAYS;
    if (!Number.isInteger(retentionDays) || retentionDays < 1 || retentionDays > LONGEST_RETENTION_DAYS) {
      const expected = `whole days from 1 to ${LONGEST_RETENTION_DAYS}`;
      throw settingRefused({ what: "platform", id, is: `retentionDays is ${retentionDays}`, expected });
    }
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const logRetention = props.logRetention ?? RetentionDays.ONE_MONTH;
    const { name = "perdure", alarms = true, alarmTopic } = props;
    this.defaults = { logRetention, removalPolicy, platformName: name, alarms, alarmTopic };
    const { tableEncryptionKey: tableKey, payloadEncryptionKey: payloadKey } = props;
    this.state = new PlatformState(this, "State", { retentionDays, removalPolicy, tableKey, payloadKey });
    const stateLinks = linksOfState(this.state, { retentionDays, tableKey, payloadKey });
    this.functions = new PlatformFunctions(this, "Functions", {
      state: this.state,
      resources: stateLinks,
      environment: commonEnvironment(stateLinks, name),
      logRetention,
    });
    this.links = { ...stateLinks, ...linksOfFunctions(this.functions) };
    const gateway = new HttpGateway(this, "Http", {
      functions: this.functions,
      eventAuth: props.eventAuth ?? "key",
      throttle: props.throttle ?? DEFAULT_THROTTLE,
      logRetention,
      domain: props.domain,
    });
    this.url = gateway.url;
    const parts = { state: this.state, functions: this.functions, httpApi: gateway.api };
    if (alarms) new PlatformAlarms(this, "Alarms", { platformName: name, ...parts, topic: alarmTopic });
    this.#dashboard =
      props.dashboard === false ? null : new PlatformDashboard(this, "Overview", { platformName: name, ...parts });
    this.#announce(name);
  }

  /** A platform of another stack, by its exports. Apps added to it belong to this stack. */
  static fromExports(scope: Construct, id: string, options: AttachOptions): AttachedPlatform {
    return new AttachedPlatform(scope, id, options);
  }

  protected show(appId: string, app: PlatformApp): void {
    this.#dashboard?.addApp(appId, app);
  }

  #announce(name: string): void {
    const output = (id: string, description: string, value: string): void =>
      void new CfnOutput(this, id, { description, value });
    output("Url", "The API", this.url);
    output("EventEndpoint", "Where events are sent to, with an event key after it", `${this.url}/e/`);
    output("EventKeysSecret", "Holds the keys events are sent with", this.state.eventKeys.secretArn);
    output("SigningKeysSecret", "Holds the keys of the API", this.state.signingKeys.secretArn);
    exportLinks(this, name, this.links);
  }
}

/** A platform seen from another stack. */
export class AttachedPlatform extends AppHost {
  protected readonly links: PlatformLinks;
  protected readonly defaults: AppDefaults;

  constructor(scope: Construct, id: string, options: AttachOptions) {
    super(scope, id);
    this.links = importLinks(this, options);
    this.defaults = {
      logRetention: options.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
      platformName: options.name,
      alarms: options.alarms ?? true,
      alarmTopic: options.alarmTopic,
    };
  }

  /** The dashboard is the platform's own stack's. */
  protected show(): void {}
}

function linksOfState(
  state: PlatformState,
  more: { retentionDays: number; tableKey: IKey | undefined; payloadKey: IKey | undefined },
): StateLinks {
  return {
    tableName: state.table.tableName,
    tableArn: state.table.tableArn,
    bucketName: state.payloads.bucketName,
    bucketArn: state.payloads.bucketArn,
    eventsQueueUrl: state.events.queueUrl,
    eventsQueueArn: state.events.queueArn,
    scheduleGroupName: state.scheduleGroup.ref,
    scheduleRoleArn: state.scheduleRole.roleArn,
    ...more,
    retentionDays: String(more.retentionDays),
  };
}

function linksOfFunctions(functions: PlatformFunctions): Omit<PlatformLinks, keyof StateLinks> {
  const { dispatch, sweep, deadLetter, register } = functions;
  return {
    dispatchRoleName: dispatch.role.roleName,
    sweepRoleName: sweep.role.roleName,
    deadLetterRoleName: deadLetter.role.roleName,
    registerRoleName: register.role.roleName,
    deadLetterFunctionArn: deadLetter.lambda.functionArn,
    registerFunctionArn: register.lambda.functionArn,
  };
}
