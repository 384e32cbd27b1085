/**
 * Owns: who is calling, and which service: both are told by the credential scope of a signed request,
 * `Credential=<access key>/<date>/<region>/<service>/aws4_request`.
 * Must not: verify signatures. The server listens on loopback only, and every local process may use it.
 *
 * An access key id is `<function name>` or `<function name>.<sandbox id>`: the first dot separates them (a Lambda
 * function's name has none).
 */
import type { Caller } from "../call.js";
import type { ServiceName } from "../model.js";

export interface Identity {
  service: ServiceName;
  caller: Caller;
}

const CREDENTIAL = /Credential=([^/,\s]+)\/\d{8}\/[^/]+\/([a-z0-9]+)\/aws4_request/;

const SERVICES: ReadonlyMap<string, ServiceName> = new Map([
  ["dynamodb", "dynamodb"],
  ["sqs", "sqs"],
  ["scheduler", "scheduler"],
  ["s3", "s3"],
  ["secretsmanager", "secretsmanager"],
  ["lambda", "lambda"],
]);

/** Undefined when the request is not signed for a service we model. */
export function identityOf(authorization: string | undefined): Identity | undefined {
  const credential = CREDENTIAL.exec(authorization ?? "");
  const service = SERVICES.get(credential?.[2] ?? "");
  const accessKeyId = credential?.[1];
  if (service === undefined || accessKeyId === undefined) return undefined;
  const dot = accessKeyId.indexOf(".");
  if (dot === -1) return { service, caller: { name: accessKeyId } };
  return { service, caller: { name: accessKeyId.slice(0, dot), sandboxId: accessKeyId.slice(dot + 1) } };
}
