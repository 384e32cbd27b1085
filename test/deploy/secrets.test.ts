/**
 * Goal: the embedded Secrets Manager keeps a current and a previous value, refuses what it does not model, and speaks to the
 * real client over the wire; so does Lambda's Invoke.
 * Method: the model by its calls, and real SDK clients against the wire face.
 */
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedAws } from "../../local/aws/embedded-aws.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { startWireServer, type WireServer } from "../../local/aws/wire/server.js";

const CALLER = { name: "test" };
let aws: EmbeddedAws;
let wire: WireServer;

beforeEach(async () => {
  aws = new EmbeddedAws({ clock: new VirtualClock(), random: seededRandom(1) });
  wire = await startWireServer(aws);
});

afterEach(async () => {
  await wire.close();
  aws.close();
});

const secrets = (operation: string, input: Record<string, unknown>) =>
  aws.call("secretsmanager", operation, input, CALLER);

const client = () => ({
  endpoint: wire.url,
  region: "us-east-1",
  maxAttempts: 1,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

describe("Secrets Manager", () => {
  it("moves the labels when a new value is put", async () => {
    await secrets("CreateSecret", { Name: "keys", SecretString: "one" });
    await secrets("PutSecretValue", { SecretId: "keys", SecretString: "two" });
    expect(await secrets("GetSecretValue", { SecretId: "keys" })).toMatchObject({
      Name: "keys",
      SecretString: "two",
      VersionStages: ["AWSCURRENT"],
    });
    expect(await secrets("GetSecretValue", { SecretId: "keys", VersionStage: "AWSPREVIOUS" })).toMatchObject({
      SecretString: "one",
      VersionStages: ["AWSPREVIOUS"],
    });
  });

  it("refuses what is not there and what is not modelled", async () => {
    await expect(secrets("GetSecretValue", { SecretId: "none" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "Secrets Manager can't find the specified secret.",
    });
    await secrets("CreateSecret", { Name: "keys", SecretString: "one" });
    await expect(secrets("GetSecretValue", { SecretId: "keys", VersionStage: "AWSPREVIOUS" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(secrets("CreateSecret", { Name: "keys", SecretString: "x" })).rejects.toMatchObject({
      name: "ResourceExistsException",
    });
    await expect(secrets("RotateSecret", { SecretId: "keys" })).rejects.toThrow(/RotateSecret: the operation is not/);
    await expect(secrets("GetSecretValue", { SecretId: "keys", Extra: 1 })).rejects.toThrow(/"Extra" is not modelled/);
  });

  it("keeps its secrets through a snapshot", async () => {
    await secrets("CreateSecret", { Name: "keys", SecretString: "one" });
    const other = new EmbeddedAws({ clock: new VirtualClock(), random: seededRandom(2) });
    other.secrets.restore(aws.secrets.snapshot());
    expect(await other.call("secretsmanager", "GetSecretValue", { SecretId: "keys" }, CALLER)).toMatchObject({
      SecretString: "one",
    });
    other.close();
  });

  it("answers the real client", async () => {
    const { ARN } = await secrets("CreateSecret", { Name: "keys", SecretString: "one" });
    const real = new SecretsManagerClient(client());
    const answer = await real.send(new GetSecretValueCommand({ SecretId: String(ARN) }));
    expect(answer.SecretString).toBe("one");
    expect(answer.ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-[A-Za-z0-9]{6}$/);
    await expect(real.send(new GetSecretValueCommand({ SecretId: "none" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    real.destroy();
  });
});

describe("Lambda's Invoke", () => {
  it("answers the real client with the function's result, its error, or that there is none", async () => {
    aws.serveInvocations((name, payload) => {
      if (name === "echo") return Promise.resolve({ payload, isError: false });
      if (name === "broken") return Promise.resolve({ payload: `{"errorMessage":"no"}`, isError: true });
      return undefined;
    });
    const real = new LambdaClient(client());
    const invoke = (FunctionName: string) =>
      real.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(`{"a":1}`) }));
    const echoed = await invoke("arn:aws:lambda:us-east-1:000000000000:function:echo");
    expect(Buffer.from(echoed.Payload ?? []).toString()).toBe(`{"a":1}`);
    expect(echoed.FunctionError).toBeUndefined();
    expect((await invoke("broken")).FunctionError).toBe("Unhandled");
    await expect(invoke("none")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    real.destroy();
  });
});
