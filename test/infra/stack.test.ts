/**
 * Goal: the stack that deploys the examples keeps its promises: nothing more allowed than is used, nothing lost, nothing
 * replaced that holds data.
 * Method: one synthesis, with CloudFormation's bundled rules and cdk-nag as failures, into a directory outside the
 * repository; then properties over the template. Lists are literal: a change of one is meant or it is a mistake.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examplesApp, STACK_NAME } from "../../infra/examples-app.js";
import { HTTP_ROUTES } from "../../infra/routes.js";
import { describePlatform } from "../../local/platform.js";
import * as keys from "../../runtime/state/keys.js";
import { TABLE_SHAPE } from "../../runtime/state/table.js";
import { flat, listOf, record, statements, synthesize, targetOf, type Assembly, type Template } from "./template.js";

const ROOT = resolve(import.meta.dirname, "../..");

let assembly: Assembly;
let template: Template;

beforeAll(() => {
  const context = { "@aws-cdk/core:validateAgainstDefaultRules": true };
  assembly = synthesize((outdir) => examplesApp({ outdir, context }).app);
  template = assembly.template(STACK_NAME);
});

afterAll(() => assembly?.remove());

const functions = () => template.of("AWS::Lambda::Function");
const asset = (handler: string): string => {
  const file = handler.replace(/\.handler$/, "");
  const found = readdirSync(assembly.directory)
    .filter((name) => name.startsWith("asset."))
    .map((name) => join(assembly.directory, name))
    .find((directory) => [".js", ".mjs"].some((extension) => existsSync(join(directory, file + extension))));
  if (found === undefined) throw new Error(`No asset has "${handler}"`);
  return found;
};

describe("what holds data", () => {
  it("keeps its logical ids: another one would be another, empty resource", () => {
    const stateful = [
      "AWS::DynamoDB::Table",
      "AWS::S3::Bucket",
      "AWS::SQS::Queue",
      "AWS::SecretsManager::Secret",
      "AWS::Scheduler::ScheduleGroup",
    ];
    const ids = stateful.flatMap((type) => template.of(type).map(({ id }) => `${type} ${id}`));
    expect(ids).toEqual([
      "AWS::DynamoDB::Table PerdureStateTableF40E0777",
      "AWS::S3::Bucket PerdureStatePayloadsC00E6E1E",
      "AWS::SQS::Queue PerdureStateEventsDeadADFD7033",
      "AWS::SQS::Queue PerdureStateEvents0D0D37DD",
      "AWS::SQS::Queue PerdureAppexamplesStepsDeadC934C233",
      "AWS::SQS::Queue PerdureAppexamplesSteps6D4880DF",
      "AWS::SecretsManager::Secret PerdureStateEventKeysC7AA78DE",
      "AWS::SecretsManager::Secret PerdureStateSigningKeys4A4DF1B0",
      "AWS::Scheduler::ScheduleGroup PerdureStateSchedules72A246A4",
    ]);
  });

  it("stays when the stack goes, or when an update would replace it", () => {
    const kept = template.resources.filter(({ deletionPolicy }) => deletionPolicy === "Retain");
    expect(kept.length).toBe(9);
    expect(kept.map(({ updateReplacePolicy }) => updateReplacePolicy)).toEqual(kept.map(() => "Retain"));
  });

  it("is not named: two platforms fit into one account, and a replacement is possible at all", () => {
    const named = template.resources.filter(({ properties }) =>
      ["TableName", "BucketName", "QueueName", "FunctionName", "RoleName"].some((name) => name in properties),
    );
    expect(
      named.map(({ id, type }) => [id, type]).filter(([, type]) => !/Mapping|Permission/.test(type ?? "")),
    ).toEqual([]);
  });

  it("the table has the runtime's keys and indexes, a TTL, backups, and may not be deleted", () => {
    const { properties } = template.one("AWS::DynamoDB::Table", "PerdureState");
    expect(properties["KeySchema"]).toEqual([
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ]);
    const indexes = listOf(properties["GlobalSecondaryIndexes"]).map((index) => record(index)["IndexName"]);
    expect(indexes).toEqual(TABLE_SHAPE.indexes.map(({ name }) => name));
    expect(properties).toMatchObject({
      BillingMode: "PAY_PER_REQUEST",
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
    });
  });

  it("the bucket is private and encrypted, and forgets by rule", () => {
    const { properties } = template.one("AWS::S3::Bucket", "PerdureState");
    const rules = listOf(record(properties["LifecycleConfiguration"])["Rules"]).map(record);
    expect(rules.map((rule) => [rule["Id"], rule["ExpirationInDays"]])).toEqual([
      ["ended-runs", 14],
      ["quarantine", 90],
      ["everything-else", 400],
    ]);
    expect(rules[0]?.["TagFilters"]).toEqual([{ Key: "perdure", Value: "ended" }]);
    expect(Object.values(record(properties["PublicAccessBlockConfiguration"]))).toEqual([true, true, true, true]);
    expect(JSON.stringify(properties["BucketEncryption"])).toContain("AES256");
  });
});

describe("queues", () => {
  const queues = () => template.of("AWS::SQS::Queue");

  it("are encrypted, keep messages for a fortnight, and have dead letters that somebody takes", () => {
    const mapped = new Set(
      template.of("AWS::Lambda::EventSourceMapping").map(({ properties }) => targetOf(properties["EventSourceArn"])),
    );
    for (const { id, properties } of queues()) {
      expect([id, properties["SqsManagedSseEnabled"], properties["MessageRetentionPeriod"]]).toEqual([
        id,
        true,
        1_209_600,
      ]);
      expect([id, mapped.has(id)]).toEqual([id, true]);
      if (/Dead/.test(id)) continue;
      const redrive = record(properties["RedrivePolicy"]);
      expect([id, redrive["maxReceiveCount"]]).toEqual([id, 12]);
      expect(/Dead/.test(targetOf(redrive["deadLetterTargetArn"]))).toBe(true);
    }
    expect(queues().length).toBe(4);
  });

  it("and the bucket refuse whoever comes without TLS", () => {
    const guarded = [...template.of("AWS::SQS::QueuePolicy"), ...template.of("AWS::S3::BucketPolicy")];
    const denied = guarded.flatMap(({ properties }) => {
      const [denial] = statements(properties["PolicyDocument"]).filter(({ effect }) => effect === "Deny");
      expect(denial?.conditions).toEqual({ Bool: { "aws:SecureTransport": "false" } });
      return [...listOf(properties["Queues"]), ...listOf(properties["Bucket"])].map(targetOf);
    });
    const all = [...queues(), ...template.of("AWS::S3::Bucket")].map(({ id }) => id);
    expect(denied.sort()).toEqual(all.sort());
  });

  it("show a message again no sooner than its function has given up, and only what failed", () => {
    const mappings = template.of("AWS::Lambda::EventSourceMapping");
    expect(mappings.length).toBe(4);
    for (const { id, properties } of mappings) {
      const queue = template.get(targetOf(properties["EventSourceArn"])).properties;
      const lambda = template.get(targetOf(properties["FunctionName"])).properties;
      expect([id, Number(queue["VisibilityTimeout"]) >= Number(lambda["Timeout"])]).toEqual([id, true]);
      expect([id, properties["FunctionResponseTypes"]]).toEqual([id, ["ReportBatchItemFailures"]]);
      const maximum = Number(record(properties["ScalingConfig"])["MaximumConcurrency"]);
      expect([id, maximum >= 2]).toEqual([id, true]);
      const reserved = lambda["ReservedConcurrentExecutions"];
      expect([id, reserved === undefined || Number(reserved) >= maximum]).toEqual([id, true]);
    }
  });
});

describe("functions", () => {
  it("are ES modules on Node 24 and arm64, may call in circles, and log for a month", () => {
    expect(functions().length).toBe(7);
    for (const { id, properties } of functions()) {
      const { Runtime, Architectures, RecursiveLoop } = properties;
      expect([id, Runtime, Architectures, RecursiveLoop]).toEqual([id, "nodejs24.x", ["arm64"], "Allow"]);
      const logGroup = template.get(targetOf(record(properties["LoggingConfig"])["LogGroup"]));
      expect([id, logGroup.properties["RetentionInDays"]]).toEqual([id, 30]);
      // What Lambda says of an invocation that went well is not worth its price.
      expect(properties["LoggingConfig"]).toMatchObject({
        LogFormat: "JSON",
        SystemLogLevel: "WARN",
        ApplicationLogLevel: "INFO",
      });
    }
  });

  it("have a role each", () => {
    const roles = functions().map(({ properties }) => targetOf(properties["Role"]));
    expect(new Set(roles).size).toBe(7);
  });

  it("carry everything they need: the worker's asset answers outside the repository", () => {
    const script = `
      const { handler } = await import(${JSON.stringify(pathToFileURL(join(asset("index.handler"), "index.mjs")).href)});
      const { appId, functions } = await handler({ perdure: "describe" }, {});
      console.log(JSON.stringify([appId, functions.map(({ id }) => id)]));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(JSON.parse(output)).toEqual([
      "examples",
      [
        ...["process-document", "checkout", "mail-receipt", "hourly-sync", "welcome-drip"],
        ...["expense-approval", "pay-out", "pay-out-failure", "regional-report"],
      ],
    ]);
  });

  it("are small: what is loaded at every start, and what only when needed", () => {
    const sizes = [
      ["worker", asset("index.handler"), "index.mjs"],
      ["platform", asset("ingest.handler"), "ingest.js"],
    ].map(([name = "", directory = "", entry = ""]) => {
      const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
        .map((file) => join(directory, file))
        .filter((file) => statSync(file).isFile());
      const gzipped = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).byteLength, 0);
      const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
      return {
        name,
        bytes,
        gzipped,
        entryBytes: statSync(join(directory, entry)).size,
        maps: files.filter((file) => file.endsWith(".map")).length,
      };
    });
    for (const { name, bytes, gzipped, entryBytes } of sizes) {
      console.log(JSON.stringify({ bundle: name, bytes, gzipped, entryBytes }));
    }
    expect(sizes.map(({ gzipped }) => gzipped < 600_000)).toEqual([true, true]);
    expect(sizes.map(({ maps }) => maps)).toEqual([0, 0]);
  });

  it("the API's keys are in the secrets of those who check them, and in nobody's environment", () => {
    const withSecret = functions().flatMap(({ id, properties }) => {
      const variables = record(record(properties["Environment"])["Variables"]);
      expect([id, "PERDURE_EVENT_KEYS" in variables || "PERDURE_SIGNING_KEYS" in variables]).toEqual([id, false]);
      return Object.entries(variables)
        .filter(([name]) => name.endsWith("_SECRET"))
        .map(([name, value]) => [id, name, targetOf(value)]);
    });
    expect(withSecret).toEqual([
      ["PerdureFunctionsIngestD9ECCE86", "PERDURE_EVENT_KEYS_SECRET", "PerdureStateEventKeysC7AA78DE"],
      ["PerdureFunctionsApi12A7CA18", "PERDURE_SIGNING_KEYS_SECRET", "PerdureStateSigningKeys4A4DF1B0"],
      ["PerdureFunctionsApi12A7CA18", "PERDURE_EVENT_KEYS_SECRET", "PerdureStateEventKeysC7AA78DE"],
    ]);
  });

  it("are configured as the dev server configures them, by the same names", () => {
    const local = describePlatform({ sqsEndpoint: "http://localhost", eventKey: "e", signingKey: "s", publicUrl: "" });
    const names = (more: readonly string[]): string[] => more.filter((name) => !/KEYS?$|_URL$/.test(name)).sort();
    const expected = names(Object.keys(local.functions.find(({ name }) => name === "worker")?.environment ?? {}));
    for (const { id, properties } of functions()) {
      const own = names(Object.keys(record(record(properties["Environment"])["Variables"])));
      expect([id, own.filter((name) => !name.endsWith("_SECRET"))]).toEqual([id, expected]);
    }
  });
});

describe("roles", () => {
  /** Where a resource may end in a wildcard, and why. */
  const WILDCARDS: readonly [RegExp, string][] = [
    [/^<PerdureStatePayloadsC00E6E1E\.Arn>\/(requests|events|quarantine|runs)\/\*$/, "objects of one kind"],
    [/^<PerdureStatePayloadsC00E6E1E\.Arn>\/runs\/examples_\*$/, "objects of the app's own runs"],
    [/:schedule\/<PerdureStateSchedules72A246A4>\/\*$/, "schedules of the platform's own group"],
  ];
  const roles = () => template.of("AWS::IAM::Role");

  it("have no wildcard in an action, and none in a resource without a reason", () => {
    const all = roles().flatMap(({ id }) => template.statementsOf(id));
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter(({ effect }) => effect !== "Allow")).toEqual([]);
    expect(all.flatMap(({ actions }) => actions).filter((action) => action.includes("*"))).toEqual([]);
    const wild = all.flatMap(({ resources }) => resources).filter((resource) => resource.includes("*"));
    expect(wild.filter((resource) => !WILDCARDS.some(([pattern]) => pattern.test(resource)))).toEqual([]);
  });

  it("say what each statement is for, once", () => {
    for (const { id } of roles()) {
      const sids = template.statementsOf(id).map(({ sid }) => sid);
      expect([id, sids.includes(""), new Set(sids).size === sids.length]).toEqual([id, false, true]);
    }
  });

  it("have no managed policy and are taken on by one service each", () => {
    for (const { id, properties } of roles()) {
      const [trust, ...others] = listOf(record(properties["AssumeRolePolicyDocument"])["Statement"]).map(record);
      const service = record(trust?.["Principal"])["Service"];
      expect([id, service, others.length, "ManagedPolicyArns" in properties]).toEqual([
        id,
        /Schedule|EveryMinute/.test(id) ? "scheduler.amazonaws.com" : "lambda.amazonaws.com",
        0,
        false,
      ]);
      // Nobody else's schedules may use it.
      if (service === "scheduler.amazonaws.com")
        expect(JSON.stringify(trust?.["Condition"])).toContain("aws:SourceArn");
    }
  });

  it("a worker reaches its own app's runs, the events they share, and nobody's keys", () => {
    const worker = template.one("AWS::IAM::Role", "PerdureAppexamplesWorkerRole");
    const own = template.statementsOf(worker.id);
    const table = own.filter(({ actions }) => actions.some((action) => action.startsWith("dynamodb:")));
    expect(table.map(({ sid, actions, conditions }) => [sid, actions, conditions])).toEqual([
      [
        "OwnRuns",
        ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["examples#RUN#*"] } },
      ],
      [
        "OwnWaiters",
        ["dynamodb:PutItem", "dynamodb:DeleteItem"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["examples#WAIT#*"] } },
      ],
      [
        "OwnPlaces",
        ["dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["examples#SLOT#*"] } },
      ],
      [
        "WhatIsWaitedFor",
        ["dynamodb:PutItem", "dynamodb:Query"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["SHAPE#*"] } },
      ],
      ["WhoListens", ["dynamodb:GetItem"], { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["REGISTRY#*"] } }],
      [
        "Signals",
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["SIGNAL#*"] } },
      ],
      [
        "EventsOfRuns",
        ["dynamodb:GetItem", "dynamodb:UpdateItem"],
        { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["EVENT#*"] } },
      ],
      ["Quarantine", ["dynamodb:PutItem"], { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["QUARANTINE#*"] } }],
    ]);
    expect(own.flatMap(({ actions }) => actions).filter((action) => action.startsWith("secretsmanager:"))).toEqual([]);
  });

  it("fence keys as the table spells them", () => {
    const like = (fence: string, { pk }: { pk: string }): boolean =>
      new RegExp(`^${fence.replaceAll("*", ".*")}$`).test(pk);
    const run = "examples_0123456789abcdefghjkmnpqrs";
    const { runsOf, runs, events, senderIds, apps, appLists, quarantine } = keys.KEY_FENCES;
    const { waitersOf, waiters, shapes, slotsOf } = keys.KEY_FENCES;
    const waiter = keys.waiterKey(keys.waiterPartition("examples", "a", ["f"], ["1"]), run, "op");
    expect([
      like(runsOf("examples"), keys.headKey(run)),
      like(runsOf("examples"), keys.logKey(run, 1, 1)),
      like(runs, keys.headKey(run)),
      like(events, keys.eventKey("01J")),
      like(senderIds, keys.dedupKey("examples", "f", "id")),
      like(senderIds, keys.idempotencyKey("examples", "f", "event.data.id", "id")),
      like(apps, keys.appKey("examples")),
      like(apps, keys.functionKey("examples", "f")),
      like(appLists, keys.registryKey(3)),
      like(quarantine, keys.quarantineKey(0, "m")),
      like(waitersOf("examples"), waiter),
      like(waiters, waiter),
      like(slotsOf("examples"), { pk: keys.slotPartition("examples", keys.slotHash("function", "f", null)) }),
      like(shapes, keys.shapeKey("a", "examples", ["f"])),
    ]).toEqual(Array.from({ length: 14 }, () => true));
    const other = "other_0123456789abcdefghjkmnpqrs";
    const longer = "examples-two_0123456789abcdefghjkmnpqrs";
    expect([other, longer].map((id) => like(runsOf("examples"), keys.headKey(id)))).toEqual([false, false]);
    const others = keys.waiterKey(keys.waiterPartition("examples-two", "a", ["f"], ["1"]), run, "op");
    expect([waitersOf("examples"), runs].map((fence) => like(fence, others))).toEqual([false, false]);
  });

  it("may hand on the timers' role, and only to Scheduler", () => {
    const passing = roles().flatMap(({ id }) =>
      template
        .statementsOf(id)
        .filter(({ actions }) => actions.includes("iam:PassRole"))
        .map(({ resources, conditions }) => {
          expect(resources).toEqual(["<PerdureStateScheduleRoleEE7187D2.Arn>"]);
          expect(conditions).toEqual({ StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } });
          return id.replace(/[0-9A-F]{8}$/, "");
        }),
    );
    expect(passing).toEqual([
      "PerdureFunctionsDispatchRole",
      "PerdureFunctionsRegisterRole",
      "PerdureAppexamplesWorkerRole",
    ]);
  });

  it("are in docs/security.md, action by action", () => {
    const page = readFileSync(join(ROOT, "docs", "security.md"), "utf8");
    const rows = page.split("\n").flatMap((line) => {
      const [, role = "", sid = "", actions = ""] = /^\| (\w+) \| `(\w+)` \| ([^|]+) \|/.exec(line) ?? [];
      return role === ""
        ? []
        : [[role, sid, [...actions.matchAll(/`([^`]+)`/g)].map(([, action]) => action).join(" ")]];
    });
    const names = roles().map(({ id }) => [id, /(\w+?)(?:Role)?[0-9A-F]{8}$/.exec(id)?.[1] ?? ""] as const);
    const short = (name: string): string => name.replace(/^Perdure(Functions|State|Appexamples)/, "");
    const real = names.flatMap(([id, name]) =>
      template.statementsOf(id).map(({ sid, actions }) => [short(name), sid, actions.join(" ")]),
    );
    expect(rows.sort()).toEqual(real.sort());
  });
});

describe("the HTTP API", () => {
  it("has the routes of the dev server and no other", () => {
    const expected = ["ANY /api/v1/{proxy+}", "GET /health", "POST /e/{eventKey}"];
    expect(
      template
        .of("AWS::ApiGatewayV2::Route")
        .map(({ properties }) => properties["RouteKey"])
        .sort(),
    ).toEqual(expected);
    expect(HTTP_ROUTES.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(expected);
    const local = describePlatform({ sqsEndpoint: "http://localhost", eventKey: "e", signingKey: "s", publicUrl: "" });
    expect(local.routes.map(({ route }) => route).sort()).toEqual(expected);
  });

  it("is throttled, and logs no path: an event key is a part of it", () => {
    const { properties } = template.one("AWS::ApiGatewayV2::Stage", "PerdureHttp");
    expect(properties["DefaultRouteSettings"]).toEqual({ ThrottlingBurstLimit: 2_000, ThrottlingRateLimit: 1_000 });
    const format = String(record(properties["AccessLogSettings"])["Format"]);
    expect(format).toContain("$context.routeKey");
    expect(format).not.toMatch(/\$context\.(path|http\.path)|rawPath/);
  });
});

describe("operation", () => {
  it("every alarm leads to a page that is there", () => {
    const alarms = template.of("AWS::CloudWatch::Alarm");
    expect(alarms.length).toBe(10);
    for (const { id, properties } of alarms) {
      const [, page = "none"] =
        /Runbook: (docs\/runbooks\/[a-z-]+\.md)$/.exec(String(properties["AlarmDescription"])) ?? [];
      expect([id, existsSync(join(ROOT, page))]).toEqual([id, true]);
      expect([id, /breaching/i.test(String(properties["TreatMissingData"]))]).toEqual([id, true]);
    }
  });

  it("a silent sweeper is an alarm", () => {
    const { properties } = template.one("AWS::CloudWatch::Alarm", "PerdureAlarmsSweeperSilent");
    expect(properties).toMatchObject({ TreatMissingData: "breaching", Threshold: 1, Period: 900 });
  });

  it("alarms read what the functions count: by the platform's name, which every function is told", () => {
    const own = template.of("AWS::CloudWatch::Alarm").flatMap(({ properties }) =>
      [properties, ...listOf(properties["Metrics"]).map((part) => record(record(record(part)["MetricStat"])["Metric"]))]
        .filter((metric) => metric["Namespace"] === "Perdure")
        .map((metric) => [
          metric["MetricName"],
          ...listOf(metric["Dimensions"])
            .map((pair) => `${record(pair)["Name"]}=${record(pair)["Value"]}`)
            .sort(),
        ]),
    );
    expect(own.sort()).toEqual([
      ["MessagesQuarantined", "service=perdure"],
      ["RunsFailed", "app=examples", "service=perdure"],
    ]);
    const names = functions().map(
      ({ properties }) => record(record(properties["Environment"])["Variables"])["PERDURE_PLATFORM"],
    );
    expect(new Set(names)).toEqual(new Set(["perdure"]));
    expect(template.of("AWS::Logs::MetricFilter")).toEqual([]);
  });

  it("the registration comes after the code, and again whenever the code is another", () => {
    const registration = template.one("Custom::PerdureApp", "PerdureAppexamples");
    expect(registration.properties).toMatchObject({ App: "examples", ServiceTimeout: "600" });
    expect(String(registration.properties["Code"])).toMatch(/^[0-9a-f]{32}$/);
    expect(flat(registration.properties["Worker"])).toBe("<PerdureAppexamplesWorker1E524F46.Arn>");
  });

  it("says where everything is", () => {
    const outputs = Object.keys(template.outputs).map((id) => id.replace(/[0-9A-F]{8}$/, ""));
    expect(outputs).toEqual(
      expect.arrayContaining([
        "PerdureUrl",
        "PerdureEventEndpoint",
        "PerdureEventKeysSecret",
        "PerdureSigningKeysSecret",
      ]),
    );
  });
});

describe("checks by others", () => {
  it("nothing is left to acknowledge", () => {
    const report = record(JSON.parse(readFileSync(join(assembly.directory, "validation-report.json"), "utf8")));
    const violations = listOf(report["pluginReports"]).flatMap((plugin) => listOf(record(plugin)["violations"]));
    expect(violations).toEqual([]);
  });

  const hasLint = spawnSync("cfn-lint", ["--version"]).status === 0;
  if (!hasLint) console.log("cfn-lint is not on PATH: its check of the template is skipped");
  it.skipIf(!hasLint)("cfn-lint finds nothing", () => {
    // W3005: the CDK spells out a dependency that a reference implies.
    const file = join(assembly.directory, `${STACK_NAME}.template.json`);
    const { status, stdout } = spawnSync("cfn-lint", ["--ignore-checks", "W3005", "--", file], { encoding: "utf8" });
    expect([status, stdout.trim()]).toEqual([0, ""]);
  });
});
