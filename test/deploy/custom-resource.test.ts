/**
 * Goal: custom resources are executed as CloudFormation does, and every way in which one can fail fails the deployment with a
 * reason.
 * Method: a template with one function and one custom resource; the function is a real process with the code of the case.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { realClock, realRandom } from "../../sdk/clock.js";
import { DeployedStack } from "../../local/deploy/deployment.js";
import type { JsonObject } from "../../local/deploy/json.js";
import { bundleBootstrap, REPOSITORY } from "./stage.js";

const directory = mkdtempSync(join(tmpdir(), "perdure-custom-"));
let bootstrapFile = "";
beforeAll(async () => {
  bootstrapFile = await bundleBootstrap(REPOSITORY, directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const template: JsonObject = {
  Resources: {
    Role: {
      Type: "AWS::IAM::Role",
      Properties: {
        AssumeRolePolicyDocument: {
          Statement: { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
        },
      },
    },
    Provider: {
      Type: "AWS::Lambda::Function",
      Properties: {
        Code: { S3Bucket: "assets", S3Key: "code.zip" },
        // Not the name a sandbox looks for.
        Handler: "provider.onEvent",
        Runtime: "nodejs24.x",
        Role: { "Fn::GetAtt": ["Role", "Arn"] },
        Timeout: 10,
      },
    },
    Thing: {
      Type: "Custom::Thing",
      Properties: {
        ServiceToken: { "Fn::GetAtt": ["Provider", "Arn"] },
        ServiceTimeout: 20,
        Count: 3,
        Nested: { on: true },
      },
    },
  },
  Outputs: { made: { Value: { "Fn::GetAtt": ["Thing", "Made"] } } },
};

let cases = 0;

/** The stack whose provider answers with what `answer`, an expression over the request `event`, gives. */
function deploy(body: string): Promise<DeployedStack> {
  cases += 1;
  const code = join(directory, `case-${cases}`);
  mkdirSync(code);
  const put = `const put = (answer) => fetch(event.ResponseURL, { method: "PUT", body: JSON.stringify(answer) });`;
  const ids = `const { StackId, RequestId, LogicalResourceId } = event; const ids = { StackId, RequestId, LogicalResourceId };`;
  writeFileSync(join(code, "provider.mjs"), `export const onEvent = async (event) => { ${put} ${ids} ${body} };`);
  return DeployedStack.deploy({
    assembly: { stackName: "Test", template, assets: new Map([["code.zip", code]]) },
    clock: realClock,
    random: realRandom,
    bootstrapFile,
    maxSandboxes: 1,
    functionConcurrency: 1,
    environment: process.env,
  });
}

const reason = (body: string): Promise<string> =>
  deploy(body).then(
    () => "deployed",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

it("takes what is put at the response URL; every scalar it was asked with is text", async () => {
  const stack = await deploy(
    `await put({ ...ids, Status: "SUCCESS", PhysicalResourceId: "thing-1",
       Data: { Made: JSON.stringify([event.RequestType, event.ResourceProperties.Count, event.ResourceProperties.Nested.on, event.PhysicalResourceId]) } });`,
  );
  expect(stack.output("made")).toBe('["Create","3","true",null]');
  expect(stack.physicalId("Thing")).toBe("thing-1");
  await stack.updateCustomResource("Thing");
  expect(stack.output("made")).toBe('["Update","3","true","thing-1"]');
  await stack.updateCustomResource("Thing", "Delete");
  expect(stack.output("made")).toBe('["Delete","3","true","thing-1"]');
  await stack.stop();
});

it("fails the deployment with the reason it was given", async () => {
  expect(
    await reason(`await put({ ...ids, Status: "FAILED", PhysicalResourceId: "x", Reason: "no more things" });`),
  ).toBe(
    'Cannot deploy Custom::Thing "Thing": Received response status [FAILED] from custom resource. Message returned: no more things; expected CREATE_COMPLETE or UPDATE_COMPLETE',
  );
});

it("fails when the provider throws, is silent, or answers for another request", async () => {
  expect(await reason(`throw new Error("out of order");`)).toMatch(/its function failed: .*out of order/);
  expect(await reason(``)).toMatch(/its function ended without an answer at the response URL/);
  expect(
    await reason(`await put({ ...ids, RequestId: "other", Status: "SUCCESS", PhysicalResourceId: "x" });`),
  ).toMatch(/Value of property RequestId must match the request/);
  expect(await reason(`await put({ ...ids, Status: "SUCCESS" });`)).toMatch(/PhysicalResourceId must be a String/);
});

it("takes one answer of at most 4,096 bytes at a URL", async () => {
  const stack = await deploy(
    `const large = await put({ ...ids, Status: "SUCCESS", PhysicalResourceId: "x", Data: { text: "x".repeat(5000) } });
     await put({ ...ids, Status: "SUCCESS", PhysicalResourceId: "x", Data: { Made: String(large.status) } });`,
  );
  expect(stack.output("made")).toBe("400");
  await stack.stop();
});
