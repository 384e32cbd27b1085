/** The register Lambda: called with a worker's manifest once its code is live, or by CloudFormation for a worker. */
import { isPerdureError } from "../../sdk/error-catalogue.js";
import { handleDeployment, type DeploymentRequest } from "../registry/deployment.js";
import { registerApp, type Registration, type RegistrationResult } from "../registry/register.js";
import { askWorker, lambdaClient } from "./ask-worker.js";
import { putAnswer } from "./put-answer.js";
import { wire } from "./wire.js";

type Answer =
  { ok: true; result: RegistrationResult } | { ok: false; error: { code: string; message: string; remedy: string } };

const lambda = lambdaClient();
const describe = (app: string, arn: string): Promise<unknown> => askWorker(wire().services, lambda, app, arn);

/** A refusal is an answer, so that whoever deploys can show it; anything else is an error. */
export const handler = async (event: Registration | DeploymentRequest): Promise<Answer | void> => {
  if ("RequestType" in event)
    return handleDeployment({ services: wire().services, describe, respond: putAnswer }, event);
  try {
    return { ok: true, result: await registerApp(wire().services, event) };
  } catch (error) {
    if (!isPerdureError(error) || error.retryable) throw error;
    const { code, message, remedy } = error;
    return { ok: false, error: { code, message, remedy } };
  }
};
