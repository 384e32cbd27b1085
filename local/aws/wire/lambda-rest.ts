/**
 * Owns: the REST protocol of Lambda's Invoke: the name in the path, the payload as the body, the rest in headers.
 * Must not: check input; the service does.
 */
import type { AwsServiceError, Output } from "../model.js";
import { unknownOperation, type Protocol, type WireAnswer, type WireCall, type WireRequest } from "./protocol.js";

/** Lambda's limit of a synchronous invocation, and room for what the service says to more. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const INVOCATIONS = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;

export const lambdaProtocol: Protocol = {
  maxBodyBytes: MAX_BODY_BYTES,
  read,
  write: (_call, output) => written(output),
  writeError: (error: AwsServiceError) => ({
    status: error.statusCode,
    headers: { "content-type": "application/json", "x-amzn-errortype": error.name },
    body: JSON.stringify({ ...error.members, Message: error.message }),
  }),
};

function read({ method, path, headers, body }: WireRequest): WireCall {
  const name = INVOCATIONS.exec(path)?.[1];
  if (method !== "POST" || name === undefined) throw unknownOperation(`${method} ${path}`);
  const type = headers["x-amz-invocation-type"];
  const input = {
    FunctionName: decodeURIComponent(name),
    Payload: body,
    ...(type === undefined ? {} : { InvocationType: type }),
  };
  return { operation: "Invoke", input };
}

function written(output: Output): WireAnswer {
  const error = output["FunctionError"];
  const payload = output["Payload"];
  return {
    status: Number(output["StatusCode"]),
    headers: {
      "content-type": "application/json",
      "x-amz-executed-version": String(output["ExecutedVersion"]),
      ...(error === undefined ? {} : { "x-amz-function-error": String(error) }),
    },
    body: payload instanceof Uint8Array ? payload : "",
  };
}
