/**
 * Goal: what a user may set has the effect its name promises; an app in another stack finds its platform; a mistake is said
 * before anything is deployed, in words that help.
 * Method: two stacks synthesized once with every option in use; and single mistakes, each in a stack of its own.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { Template as TemplateOfStack } from "aws-cdk-lib/assertions";
import { Vpc } from "aws-cdk-lib/aws-ec2";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { Key } from "aws-cdk-lib/aws-kms";
import { ApplicationLogLevel } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Topic } from "aws-cdk-lib/aws-sns";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PerdurePlatform } from "../../infra/index.js";
import { flat, listOf, record, synthesize, targetOf, Template, type Assembly, type Json } from "./template.js";

const ENTRY = "examples/worker.ts";

let assembly: Assembly;
let platform: Template;
let attached: Template;

function twoStacks(outdir: string): App {
  const app = new App({ outdir, context: { "@aws-cdk/core:validateAgainstDefaultRules": true } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  const stack = new Stack(app, "Platform");
  const certificate = Certificate.fromCertificateArn(stack, "Certificate", "arn:aws:acm:eu-west-1:1:certificate/x");
  const topic = new Topic(stack, "Topic", { enforceSSL: true });
  const made = new PerdurePlatform(stack, "Perdure", {
    name: "acme",
    retentionDays: 30,
    logRetention: RetentionDays.ONE_WEEK,
    removalPolicy: RemovalPolicy.DESTROY,
    tableEncryptionKey: new Key(stack, "TableKey", { enableKeyRotation: true }),
    payloadEncryptionKey: new Key(stack, "PayloadKey", { enableKeyRotation: true }),
    eventAuth: "iam",
    domain: { name: "runs.example.com", certificate },
    throttle: { rateLimit: 50, burstLimit: 100 },
    alarmTopic: topic,
  });
  const worker = made.addApp("shop", {
    entry: ENTRY,
    timeout: Duration.minutes(5),
    memorySize: 1_024,
    maxConcurrency: 20,
    reservedConcurrency: 21,
    batchSize: 10,
    environment: { STAGE: "test" },
    logLevel: ApplicationLogLevel.DEBUG,
    bundling: { sourceMap: true },
    vpc: Vpc.fromVpcAttributes(stack, "Vpc", {
      vpcId: "vpc-0123456789abcdef0",
      availabilityZones: ["eu-west-1a"],
      privateSubnetIds: ["subnet-0123456789abcdef0"],
    }),
  });
  topic.grantPublish(worker);
  const other = new Stack(app, "Billing");
  const there = PerdurePlatform.fromExports(other, "Perdure", { name: "acme", alarms: false });
  there.addApp("billing", { entry: ENTRY });
  return app;
}

beforeAll(() => {
  assembly = synthesize(twoStacks);
  platform = assembly.template("Platform");
  attached = assembly.template("Billing");
});

afterAll(() => assembly?.remove());

it("no option brings a finding that the constructs have given no reason for", () => {
  // An error would have failed the synthesis; warnings and remarks count as well.
  const report = record(JSON.parse(readFileSync(join(assembly.directory, "validation-report.json"), "utf8")));
  const violations = listOf(report["pluginReports"]).flatMap((plugin) => listOf(record(plugin)["violations"]));
  expect(violations).toEqual([]);
});

describe("settings of a platform", () => {
  it("retention is everybody's, in the table's environment and in the bucket's rule", () => {
    for (const { id, properties } of platform.of("AWS::Lambda::Function")) {
      const variables = record(record(properties["Environment"])["Variables"]);
      if ("PERDURE_TABLE" in variables) expect([id, variables["PERDURE_RETENTION_DAYS"]]).toEqual([id, "30"]);
    }
    const [bucket] = platform.of("AWS::S3::Bucket");
    const [ended] = listOf(record(bucket?.properties["LifecycleConfiguration"])["Rules"]).map(record);
    expect(ended?.["ExpirationInDays"]).toBe(30);
  });

  it("logs go after a week", () => {
    const days = platform.of("AWS::Logs::LogGroup").map(({ properties }) => properties["RetentionInDays"]);
    expect(new Set(days)).toEqual(new Set([7]));
  });

  it("with DESTROY nothing is left, and the table may be deleted", () => {
    const kinds = ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SecretsManager::Secret"];
    const own = kinds.flatMap((kind) => platform.of(kind)).filter(({ id }) => id.startsWith("Perdure"));
    expect(own.map(({ deletionPolicy }) => deletionPolicy)).toEqual(own.map(() => "Delete"));
    expect(platform.one("AWS::DynamoDB::Table", "Perdure").properties["DeletionProtectionEnabled"]).toBe(false);
  });

  it("keys of one's own encrypt, and are used through their service only", () => {
    const table = platform.one("AWS::DynamoDB::Table", "Perdure").properties["SSESpecification"];
    expect(table).toMatchObject({ SSEEnabled: true, SSEType: "KMS" });
    const worker = platform.one("AWS::IAM::Role", "PerdureAppshopWorkerRole");
    const uses = platform.statementsOf(worker.id).filter(({ sid }) => sid.endsWith("Key"));
    expect(
      uses.map(({ sid, conditions }) => [sid, flat(record(record(conditions)["StringEquals"])["kms:ViaService"])]),
    ).toEqual([
      ["TableKey", "dynamodb.<AWS::Region>.amazonaws.com"],
      ["PayloadKey", "s3.<AWS::Region>.amazonaws.com"],
    ]);
    const ingest = platform.one("AWS::IAM::Role", "PerdureFunctionsIngestRole");
    expect(platform.statementsOf(ingest.id).map(({ sid }) => sid)).not.toContain("TableKey");
  });

  it("eventAuth iam asks for a signature on events alone", () => {
    const routes = platform
      .of("AWS::ApiGatewayV2::Route")
      .map(({ properties }) => [properties["RouteKey"], properties["AuthorizationType"]]);
    expect(Object.fromEntries(routes)).toEqual({
      "POST /e/{eventKey}": "AWS_IAM",
      "ANY /api/v1/{proxy+}": "NONE",
      "GET /health": "NONE",
    });
  });

  it("a domain is the one address", () => {
    expect(platform.one("AWS::ApiGatewayV2::Api", "Perdure").properties["DisableExecuteApiEndpoint"]).toBe(true);
    expect(platform.one("AWS::ApiGatewayV2::DomainName", "Perdure").properties["DomainName"]).toBe("runs.example.com");
    const url = Object.entries(platform.outputs).find(([id]) => /^PerdureUrl[0-9A-F]{8}$/.test(id));
    expect(record(url?.[1])["Value"]).toBe("https://runs.example.com");
  });

  it("every alarm tells the topic", () => {
    const alarms = platform.of("AWS::CloudWatch::Alarm");
    expect(alarms.length).toBe(10);
    const topic = platform.one("AWS::SNS::Topic", "Topic").id;
    expect(alarms.map(({ properties }) => listOf(properties["AlarmActions"]).map(targetOf))).toEqual(
      alarms.map(() => [topic]),
    );
  });
});

describe("settings of an app", () => {
  const worker = () => platform.one("AWS::Lambda::Function", "PerdureAppshopWorker").properties;

  it("are the worker's, and the queue's visibility follows", () => {
    expect(worker()["LoggingConfig"]).toMatchObject({ ApplicationLogLevel: "DEBUG" });
    expect(worker()).toMatchObject({ Timeout: 300, MemorySize: 1_024, ReservedConcurrentExecutions: 21 });
    const steps = platform.of("AWS::SQS::Queue").filter(({ id }) => /^PerdureAppshopSteps[0-9A-F]{8}$/.test(id));
    expect(steps.map(({ properties }) => properties["VisibilityTimeout"])).toEqual([300]);
    expect(platform.one("AWS::Lambda::EventSourceMapping", "PerdureAppshopStepsMapping").properties).toMatchObject({
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 20 },
    });
    expect(record(worker()["VpcConfig"])["SubnetIds"]).toEqual(["subnet-0123456789abcdef0"]);
    const role = platform.one("AWS::IAM::Role", "PerdureAppshopWorkerRole");
    const network = platform.statementsOf(role.id).find(({ sid }) => sid === "NetworkInterfaces");
    expect(network?.actions).toContain("ec2:CreateNetworkInterface");
  });

  it("cannot overwrite what the platform tells the worker", () => {
    const variables = record(record(worker()["Environment"])["Variables"]);
    expect(variables).toMatchObject({ STAGE: "test", NODE_OPTIONS: "--enable-source-maps" });
    expect(targetOf(variables["PERDURE_TABLE"])).toMatch(/^PerdureStateTable/);
  });

  it("the returned worker takes grants", () => {
    const role = platform.one("AWS::IAM::Role", "PerdureAppshopWorkerRole");
    expect(platform.statementsOf(role.id).flatMap(({ actions }) => actions)).toContain("sns:Publish");
  });
});

describe("two apps", () => {
  it("have each their own code, also of equal settings", () => {
    const directory = mkdtempSync(join(tmpdir(), "perdure-entry-"));
    try {
      const stack = new Stack(new App({ outdir: join(directory, "out") }));
      const perdure = new PerdurePlatform(stack, "Perdure");
      for (const id of ["one", "two"]) {
        const entry = join(directory, `${id}.ts`);
        writeFileSync(entry, `export const handler = () => ${JSON.stringify(id)};\n`);
        perdure.addApp(id, { entry });
      }
      const two = new Template(TemplateOfStack.fromStack(stack).toJSON());
      const keys = ["one", "two"].map(
        (id) => record(two.one("AWS::Lambda::Function", `PerdureApp${id}Worker`).properties["Code"])["S3Key"],
      );
      expect(new Set(keys).size).toBe(2);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("an app in another stack", () => {
  const imports = (): string[] => {
    const found = new Set<string>();
    const visit = (value: Json): void => {
      if (Array.isArray(value)) value.forEach(visit);
      else if (typeof value === "object" && value !== null) {
        if (typeof value["Fn::ImportValue"] === "string") found.add(value["Fn::ImportValue"]);
        Object.values(value).forEach(visit);
      }
    };
    attached.resources.forEach(({ properties }) => visit(properties));
    return [...found].sort();
  };

  it("imports nothing that is not exported", () => {
    const exported = Object.values(platform.outputs).map((output) => record(record(output)["Export"])["Name"]);
    expect(imports().length).toBeGreaterThan(10);
    expect(imports().filter((name) => !exported.includes(name))).toEqual([]);
  });

  it("has its worker, queues and registration; the platform's roles are allowed its queues", () => {
    expect(attached.of("AWS::Lambda::Function").length).toBe(1);
    expect(attached.of("AWS::SQS::Queue").length).toBe(2);
    expect(flat(attached.one("Custom::PerdureApp", "Perdure").properties["ServiceToken"])).toBe(
      "import(acme-RegisterFunctionArn)",
    );
    const wake = attached.one("AWS::IAM::Policy", "PerdureAppbillingWake").properties;
    expect(listOf(wake["Roles"]).map(flat)).toEqual([
      "import(acme-DispatchRoleName)",
      "import(acme-SweepRoleName)",
      "import(acme-DeadLetterRoleName)",
    ]);
    // Two stacks may bring the same app for a while, when it moves: neither takes the other's policy away.
    expect(String(wake["PolicyName"])).toMatch(/^Billing/);
  });

  it("has no alarms when it wants none", () => {
    expect(attached.of("AWS::CloudWatch::Alarm")).toEqual([]);
  });
});

describe("a mistake", () => {
  const add = (appId: string, options: object, props: object = {}): (() => unknown) => {
    return () => new PerdurePlatform(new Stack(), "Perdure", props).addApp(appId, { entry: ENTRY, ...options });
  };

  it.each([
    [add("Shop", {}), "its id is not usable; expected lowercase letters, digits and hyphens"],
    [add("shop", { timeout: Duration.seconds(5) }), "its timeout is 5 s; expected 10 to 900 seconds"],
    [add("shop", { timeout: Duration.minutes(20) }), "its timeout is 1200 s"],
    [add("shop", { maxConcurrency: 1 }), "its maxConcurrency is 1; expected a whole number from 2 to 1000"],
    [add("shop", { maxConcurrency: 10, reservedConcurrency: 9 }), "its reservedConcurrency is 9; expected at least"],
    [add("shop", { batchSize: 11 }), "its batchSize is 11; expected a whole number from 1 to 10"],
    [add("shop", { entry: "src/nowhere.ts" }), 'its entry "src/nowhere.ts" does not exist'],
    [add("shop", {}, { retentionDays: 0 }), "retentionDays is 0; expected whole days from 1 to 365"],
  ])("is refused before anything is deployed (%#)", (make, message) => {
    expect(make).toThrow(message);
  });

  it("in the code of a worker is shown with its place", () => {
    const directory = mkdtempSync(join(tmpdir(), "perdure-entry-"));
    try {
      const entry = join(directory, "worker.ts");
      writeFileSync(entry, 'import { nothing } from "./nowhere.js";\nexport const handler = nothing;\n');
      expect(add("shop", { entry })).toThrow(/WORKER_NOT_BUNDLED|worker\.ts:1: Could not resolve "\.\/nowhere\.js"/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
