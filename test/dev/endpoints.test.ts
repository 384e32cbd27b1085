/**
 * Goal: a sandbox sees Lambda's environment and the services meant for it, and nothing of the machine's AWS configuration.
 * Method: the environment as a pure function of its inputs.
 */
import { describe, expect, it } from "vitest";
import { externalServices, sandboxEnvironment } from "../../local/dev/endpoints.js";
import { describePlatform } from "../../local/platform.js";

const WIRE = "http://127.0.0.1:4000";
const platform = describePlatform({
  sqsEndpoint: WIRE,
  eventKey: "ek",
  signingKey: "sk",
  publicUrl: "http://localhost:8288",
});
const HOME = {
  PATH: "/bin",
  AWS_PROFILE: "prod",
  AWS_ENDPOINT_URL: "https://prod",
  PERDURE_URL: "https://prod",
  OPENAI_API_KEY: "k",
};

function environmentOf(name: string, inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const definition = platform.functions.find((each) => each.name === name);
  if (definition === undefined) throw new Error(`no function ${name}`);
  const endpoints = { dynamodb: WIRE, sqs: WIRE, s3: WIRE, scheduler: WIRE, ...externalServices(inherited) };
  return sandboxEnvironment({ definition, sandboxId: "worker-1", endpoints, dataDirectory: "/data", inherited });
}

describe("sandboxEnvironment()", () => {
  it("gives the user's code its own secrets, Lambda's variables and the wire face", () => {
    const environment = environmentOf("worker", HOME);
    expect(environment).toMatchObject({
      PATH: "/bin",
      OPENAI_API_KEY: "k",
      AWS_LAMBDA_FUNCTION_NAME: "worker",
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "worker.worker-1",
      AWS_ENDPOINT_URL_DYNAMODB: WIRE,
      AWS_ENDPOINT_URL_SCHEDULER: WIRE,
      PERDURE_URL: "http://localhost:8288",
      PERDURE_EVENT_KEY: "ek",
    });
    expect(environment).not.toHaveProperty("AWS_PROFILE");
    expect(environment).not.toHaveProperty("AWS_ENDPOINT_URL");
  });

  it("gives the platform's functions nothing of the user's", () => {
    const environment = environmentOf("ingest", HOME);
    expect(environment).toMatchObject({ PATH: "/bin", PERDURE_EVENT_KEYS: "ek", PERDURE_SIGNING_KEYS: "sk" });
    expect(environment).not.toHaveProperty("OPENAI_API_KEY");
  });

  it("leads to a service named from outside, with the machine's credentials", () => {
    const outside = {
      AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:5000/",
      AWS_ACCESS_KEY_ID: "AKIA",
      AWS_SECRET_ACCESS_KEY: "s",
    };
    expect(environmentOf("worker", outside)).toMatchObject({
      AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:5000",
      AWS_ENDPOINT_URL_SQS: WIRE,
      AWS_ACCESS_KEY_ID: "AKIA",
    });
  });
});
