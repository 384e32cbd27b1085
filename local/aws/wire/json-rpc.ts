/**
 * Owns: AWS JSON as DynamoDB, SQS (1.0) and Secrets Manager (1.1) speak it: the operation in the X-Amz-Target header, input and output in the body.
 * Must not: check input; the models do.
 */
import type { AwsServiceError, Input, Output } from "../model.js";
import { decodeBinary, wireValue } from "./json-values.js";
import { jsonObject, unknownOperation, type Protocol, type WireAnswer, type WireRequest } from "./protocol.js";

const MAX_BODY_BYTES = 17 * 1024 * 1024;

interface JsonRpcService {
  /** Of JSON 1.0 or 1.1: the same but for its name. */
  contentType: string;
  targetPrefix: string;
  errorNamespace: string;
  /** Members that hold binary, and a pattern that must occur in a body that has any: most bodies are not walked at all. */
  binaryMembers: ReadonlySet<string>;
  binaryHint: RegExp;
  errorHeaders(error: AwsServiceError): Record<string, string>;
  writeOutput(output: Output, request: WireRequest): Output;
}

function jsonRpc(service: JsonRpcService): Protocol {
  return {
    maxBodyBytes: MAX_BODY_BYTES,
    read: (request) => ({ operation: operationOf(request, service.targetPrefix), input: inputOf(request, service) }),
    write: (_call, output, request) => answer(service, 200, {}, service.writeOutput(output, request)),
    writeError: (error) =>
      answer(service, error.statusCode, service.errorHeaders(error), {
        ...error.members,
        __type: `${service.errorNamespace}#${error.name}`,
        message: error.message,
      }),
  };
}

function operationOf({ headers }: WireRequest, prefix: string): string {
  const target = headers["x-amz-target"];
  if (typeof target !== "string" || !target.startsWith(prefix)) throw unknownOperation(`Target "${String(target)}"`);
  return target.slice(prefix.length);
}

function inputOf({ body }: WireRequest, service: JsonRpcService): Input {
  const input = jsonObject(body);
  if (service.binaryHint.test(body.toString("latin1"))) decodeBinary(input, service.binaryMembers);
  return input;
}

function answer(
  { contentType }: JsonRpcService,
  status: number,
  headers: Record<string, string>,
  content: Output,
): WireAnswer {
  return { status, headers: { "content-type": contentType, ...headers }, body: JSON.stringify(wireValue(content)) };
}

export const secretsProtocol = jsonRpc({
  contentType: "application/x-amz-json-1.1",
  targetPrefix: "secretsmanager.",
  errorNamespace: "com.amazonaws.secretsmanager",
  binaryMembers: new Set(["SecretBinary"]),
  binaryHint: /"SecretBinary"\s*:/,
  errorHeaders: () => ({}),
  writeOutput: (output) => output,
});

export const dynamodbProtocol = jsonRpc({
  contentType: "application/x-amz-json-1.0",
  targetPrefix: "DynamoDB_20120810.",
  errorNamespace: "com.amazonaws.dynamodb.v20120810",
  binaryMembers: new Set(["B", "BS"]),
  binaryHint: /"BS?"\s*:/,
  errorHeaders: () => ({}),
  writeOutput: (output) => output,
});

/** Names that SQS's older protocol gave to errors; the SDK shows them as `error.Code`. */
const QUERY_ERROR_CODES: ReadonlyMap<string, string> = new Map([
  ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
  ["QueueNameExists", "QueueAlreadyExists"],
  ["QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"],
  ["PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"],
  ["BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"],
  ["BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"],
  ["EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"],
  ["InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"],
  ["TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"],
  ["MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"],
  ["UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"],
]);

export const sqsProtocol = jsonRpc({
  contentType: "application/x-amz-json-1.0",
  targetPrefix: "AmazonSQS.",
  errorNamespace: "com.amazonaws.sqs",
  binaryMembers: new Set(["BinaryValue"]),
  binaryHint: /"BinaryValue"\s*:/,
  errorHeaders: (error) => ({
    "x-amzn-query-error": `${QUERY_ERROR_CODES.get(error.name) ?? error.name};${error.statusCode < 500 ? "Sender" : "Receiver"}`,
  }),
  writeOutput: withReachableQueueUrls,
});

/** The SDK sends to the queue's URL: it must begin with the address at which the client reached us, whatever the model says. */
function withReachableQueueUrls(output: Output, { headers }: WireRequest): Output {
  const { QueueUrl: queueUrl, QueueUrls: queueUrls } = output;
  const { host } = headers;
  if (host === undefined) return output;
  const reachable = (url: unknown): unknown => (typeof url === "string" ? `http://${host}${pathOf(url)}` : url);
  if (queueUrl !== undefined) return { ...output, QueueUrl: reachable(queueUrl) };
  return Array.isArray(queueUrls) ? { ...output, QueueUrls: queueUrls.map(reachable) } : output;
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}
