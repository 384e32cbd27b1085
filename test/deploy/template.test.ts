/**
 * Goal: a template is deployed as CloudFormation would, and what is not modelled, or what AWS would refuse, is refused by name.
 * Method: small templates written here; functions are declared but never invoked, so no process starts.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { realClock } from "../../sdk/clock.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { readAssembly } from "../../local/deploy/assembly.js";
import { DeployedStack } from "../../local/deploy/deployment.js";
import type { JsonObject } from "../../local/deploy/json.js";

const directory = mkdtempSync(join(tmpdir(), "perdure-template-"));
writeFileSync(join(directory, "index.mjs"), "export const handler = () => null;");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const deploy = (template: JsonObject): Promise<DeployedStack> =>
  DeployedStack.deploy({
    assembly: { stackName: "Test", template, assets: new Map([["code.zip", directory]]) },
    clock: realClock,
    random: seededRandom(1),
    bootstrapFile: "never-started",
    maxSandboxes: 1,
    functionConcurrency: 1,
    environment: {},
  });

/** The outputs of a template with these resources. */
async function outputsOf(template: JsonObject & { Outputs: Record<string, unknown> }): Promise<Record<string, string>> {
  const stack = await deploy({
    ...template,
    Outputs: Object.fromEntries(Object.entries(template.Outputs).map(([name, Value]) => [name, { Value }])),
  });
  const outputs = Object.keys(template.Outputs).map((name) => [name, stack.output(name)]);
  await stack.stop();
  return Object.fromEntries(outputs);
}

const refusal = async (template: JsonObject): Promise<string> => {
  try {
    await (await deploy(template)).stop();
    return "deployed";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

const queue = { Type: "AWS::SQS::Queue", Properties: { QueueName: "jobs", VisibilityTimeout: 60 } };

describe("intrinsic functions", () => {
  it("stand for resources, parameters and pseudo parameters", async () => {
    const outputs = await outputsOf({
      Parameters: { Stage: { Type: "String", Default: "test" } },
      Mappings: { Sizes: { test: { memory: "512" } } },
      Resources: { Jobs: queue },
      Outputs: {
        arn: { "Fn::GetAtt": ["Jobs", "Arn"] },
        name: { "Fn::GetAtt": "Jobs.QueueName" },
        joined: { "Fn::Join": ["-", [{ Ref: "AWS::StackName" }, { Ref: "Stage" }]] },
        sub: { "Fn::Sub": ["${Jobs.QueueName}/${Extra}/${!Literal}/${AWS::Region}", { Extra: { Ref: "Stage" } }] },
        part: { "Fn::Select": [2, { "Fn::Split": [":", { "Fn::GetAtt": ["Jobs", "Arn"] }] }] },
        mapped: { "Fn::FindInMap": ["Sizes", { Ref: "Stage" }, "memory"] },
      },
    });
    expect(outputs).toEqual({
      arn: "arn:aws:sqs:us-east-1:000000000000:jobs",
      name: "jobs",
      joined: "Test-test",
      sub: "jobs/test/${Literal}/us-east-1",
      part: "sqs",
      mapped: "512",
    });
  });

  it("decide by conditions, and leave out what has no value", async () => {
    const template = {
      Conditions: {
        Here: { "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] },
        Elsewhere: { "Fn::Not": [{ Condition: "Here" }] },
        Either: { "Fn::Or": [{ Condition: "Here" }, { Condition: "Elsewhere" }] },
        Both: { "Fn::And": [{ Condition: "Here" }, { Condition: "Elsewhere" }] },
      },
      Resources: {
        Jobs: {
          ...queue,
          Properties: { QueueName: "jobs", DelaySeconds: { "Fn::If": ["Both", 5, { Ref: "AWS::NoValue" }] } },
        },
        Absent: { Type: "AWS::Not::Modelled", Condition: "Elsewhere" },
      },
      Outputs: { which: { "Fn::If": ["Either", "here", "there"] } },
    };
    expect(await outputsOf(template)).toEqual({ which: "here" });
  });

  it("are refused when they stand for nothing known", async () => {
    const withName = (QueueName: unknown): JsonObject => ({
      Resources: { Jobs: { Type: "AWS::SQS::Queue", Properties: { QueueName } } },
    });
    expect(await refusal(withName({ Ref: "Nobody" }))).toMatch(/"Jobs\.QueueName\.Ref Nobody".*nothing known/);
    expect(await refusal(withName({ "Fn::Transform": {} }))).toMatch(/the function Fn::Transform/);
    expect(await refusal(withName("{{resolve:ssm:name}}"))).toMatch(/a dynamic reference/);
    expect(await refusal(withName({ "Fn::ImportValue": "other" }))).toMatch(/nothing known/);
  });
});

describe("exports", () => {
  const exporting = (name: unknown): JsonObject => ({
    Resources: { Jobs: queue },
    Outputs: { Arn: { Value: { "Fn::GetAtt": ["Jobs", "Arn"] }, Export: { Name: name } } },
  });
  const beside = (stackName: string, template: JsonObject) => ({ stackName, template, assets: new Map() });

  it("are what another stack of the account imports, under whatever name they are given", async () => {
    const stack = await deploy(exporting({ "Fn::Sub": "${AWS::StackName}-jobs" }));
    const importing = await stack.deployBeside(
      beside("Other", {
        Resources: { More: { Type: "AWS::SQS::Queue", Properties: { QueueName: "more" } } },
        Outputs: {
          jobs: { Value: { "Fn::ImportValue": { "Fn::Join": ["-", ["Test", "jobs"]] } } },
          own: { Value: { Ref: "AWS::StackName" } },
        },
      }),
    );
    expect([importing.output("jobs"), importing.output("own")]).toEqual([
      "arn:aws:sqs:us-east-1:000000000000:jobs",
      "Other",
    ]);
    await importing.stop();
    // It stopped alone: the first one still answers.
    expect(stack.output("Arn")).toBe("arn:aws:sqs:us-east-1:000000000000:jobs");
    await stack.stop();
  });

  it("have each one stack: a second one is refused, and a name nobody exports too", async () => {
    const stack = await deploy(exporting("jobs"));
    const again = { ...exporting("jobs"), Resources: { Jobs: { Type: "AWS::SQS::Queue", Properties: {} } } };
    await expect(stack.deployBeside(beside("Other", again))).rejects.toThrow(
      /Export with name jobs is already exported by another stack/,
    );
    const Properties = { QueueName: { "Fn::ImportValue": "nobody" } };
    const lost = { Resources: { Lost: { Type: "AWS::SQS::Queue", Properties } } };
    await expect(stack.deployBeside(beside("Third", lost))).rejects.toThrow(/"Lost\.QueueName.*nothing known/);
    await stack.stop();
  });
});

describe("resources", () => {
  it("are made after what they refer to, whatever their order", async () => {
    const dead = { Type: "AWS::SQS::Queue", Properties: { QueueName: "dead" } };
    const RedrivePolicy = { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount: 3 };
    const Jobs = { Type: "AWS::SQS::Queue", Properties: { QueueName: "jobs", RedrivePolicy } };
    const outputs = await outputsOf({ Resources: { Jobs, Dead: dead }, Outputs: { url: { Ref: "Jobs" } } });
    expect(outputs["url"]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/000000000000\/jobs$/);
  });

  it("are refused in a circle", async () => {
    const named = (other: string): JsonObject => ({ Type: "AWS::SQS::Queue", DependsOn: other });
    expect(await refusal({ Resources: { A: named("B"), B: named("A") } })).toMatch(/a circle of dependencies, A → B/);
  });

  it("are refused when their type or a property is not modelled", async () => {
    expect(await refusal({ Resources: { Bus: { Type: "AWS::Events::EventBus" } } })).toMatch(
      /Cannot deploy "Bus" here: the resource type AWS::Events::EventBus/,
    );
    const fifo = { Type: "AWS::SQS::Queue", Properties: { FifoQueue: true } };
    expect(await refusal({ Resources: { Fifo: fifo } })).toMatch(
      /AWS::SQS::Queue "Fifo": .*"FifoQueue" is not modelled/,
    );
    expect(await refusal({ Resources: {}, Transform: "Macro" })).toMatch(/"Transform"/);
  });

  it("fail with the service's own words", async () => {
    const slow = { Type: "AWS::SQS::Queue", Properties: { DelaySeconds: 901 } };
    expect(await refusal({ Resources: { Slow: slow } })).toMatch(
      /Cannot deploy AWS::SQS::Queue "Slow": Invalid value for the parameter DelaySeconds/,
    );
  });
});

/** A function with a role that may do `actions` on the queue, and a mapping between the two. */
function mapped(actions: string[], more: { timeout?: number; principal?: string } = {}): JsonObject {
  const { timeout = 60, principal = "lambda.amazonaws.com" } = more;
  const statement = { Effect: "Allow", Action: actions, Resource: { "Fn::GetAtt": ["Jobs", "Arn"] } };
  return {
    Resources: {
      Jobs: queue,
      Role: {
        Type: "AWS::IAM::Role",
        Properties: {
          AssumeRolePolicyDocument: {
            Statement: { Effect: "Allow", Principal: { Service: principal }, Action: "sts:AssumeRole" },
          },
          Policies: [{ PolicyName: "poll", PolicyDocument: { Statement: [statement] } }],
        },
      },
      Worker: {
        Type: "AWS::Lambda::Function",
        Properties: {
          Code: { S3Bucket: "assets", S3Key: "code.zip" },
          Handler: "index.handler",
          Runtime: "nodejs24.x",
          Role: { "Fn::GetAtt": ["Role", "Arn"] },
          Timeout: timeout,
        },
      },
      Mapping: {
        Type: "AWS::Lambda::EventSourceMapping",
        Properties: {
          EventSourceArn: { "Fn::GetAtt": ["Jobs", "Arn"] },
          FunctionName: { Ref: "Worker" },
          FunctionResponseTypes: ["ReportBatchItemFailures"],
        },
      },
    },
  };
}

const POLLING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

describe("what Lambda refuses at deployment", () => {
  it("is nothing when role, trust and times are right", async () => {
    expect(await refusal(mapped(POLLING))).toBe("deployed");
  });

  it("is a mapping whose role may not poll", async () => {
    expect(await refusal(mapped(["sqs:ReceiveMessage"]))).toMatch(
      /"Mapping": The function execution role does not have permissions to call DeleteMessage on SQS/,
    );
  });

  it("is a mapping whose queue shows a message again before the function has given up", async () => {
    expect(await refusal(mapped(POLLING, { timeout: 90 }))).toMatch(
      /Queue visibility timeout: 60 seconds is less than Function timeout: 90 seconds/,
    );
  });

  it("is a role that Lambda may not assume", async () => {
    expect(await refusal(mapped(POLLING, { principal: "ec2.amazonaws.com" }))).toMatch(
      /"Worker": The role defined for the function cannot be assumed by Lambda/,
    );
  });
});

describe("readAssembly()", () => {
  it("says what is missing", () => {
    expect(() => readAssembly(directory)).toThrow(/it has no manifest\.json/);
  });
});
