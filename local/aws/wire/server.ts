/**
 * Owns: the wire face: an HTTP server on loopback through which real AWS clients in other processes use an embedded AWS.
 * Set `endpoint` (or AWS_ENDPOINT_URL_DYNAMODB, _SQS, _SCHEDULER, _S3) to its `url`; S3 clients need `forcePathStyle: true`.
 * Must not: crash, whatever arrives, or answer for a call that has not ended.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EmbeddedAws } from "../embedded-aws.js";
import { ConnectionLostError } from "../faults.js";
import { AwsServiceError, NotModelledError, type ServiceName } from "../model.js";
import { identityOf, type Identity } from "./caller.js";
import { dynamodbProtocol, secretsProtocol, sqsProtocol } from "./json-rpc.js";
import { lambdaProtocol } from "./lambda-rest.js";
import type { Protocol, WireAnswer, WireRequest } from "./protocol.js";
import { s3Protocol } from "./s3-rest.js";
import { schedulerProtocol } from "./scheduler-rest.js";

export interface WireServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

export interface WireServerOptions {
  /** 0, the default: a free port. */
  port?: number;
  /** Told of errors that are ours: what is not modelled, and bugs. */
  onError?(error: unknown, operation: string): void;
}

const LOOPBACK = "127.0.0.1";
const PROTOCOLS: Record<ServiceName, Protocol> = {
  dynamodb: dynamodbProtocol,
  sqs: sqsProtocol,
  scheduler: schedulerProtocol,
  s3: s3Protocol,
  secretsmanager: secretsProtocol,
  lambda: lambdaProtocol,
};

/** Serves `aws` until closed. Rejects when the port is taken. */
export async function startWireServer(aws: EmbeddedAws, options: WireServerOptions = {}): Promise<WireServer> {
  const server = createServer((request, response) => {
    serve(aws, request, response, options).catch((error: unknown) => {
      options.onError?.(error, `${request.method} ${request.url}`);
      response.destroy();
    });
  });
  // A client keeps its sockets; one that we closed just as it was used again would look like a lost answer.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const port = await listen(server, options.port ?? 0);
  return { url: `http://${LOOPBACK}:${port}`, port, close: () => close(server) };
}

async function serve(
  aws: EmbeddedAws,
  incoming: IncomingMessage,
  response: ServerResponse,
  { onError }: WireServerOptions,
): Promise<void> {
  const identity = identityOf(incoming.headers.authorization);
  if (identity === undefined) {
    incoming.resume();
    send(response, unidentified);
    return;
  }
  const protocol = PROTOCOLS[identity.service];
  const body = await bodyOf(incoming, protocol.maxBodyBytes);
  const request = requestOf(incoming, body ?? Buffer.alloc(0));
  if (body === undefined) {
    response.setHeader("connection", "close");
    send(response, protocol.writeError(tooLarge(protocol.maxBodyBytes), request));
    return;
  }
  try {
    send(response, await answer(aws, identity, protocol, request, response));
  } catch (error) {
    if (error instanceof ConnectionLostError) {
      response.destroy();
      return;
    }
    if (!(error instanceof AwsServiceError)) onError?.(error, `${incoming.method} ${incoming.url}`);
    send(response, protocol.writeError(serviceError(error), request));
  }
}

async function answer(
  aws: EmbeddedAws,
  { service, caller }: Identity,
  protocol: Protocol,
  request: WireRequest,
  response: ServerResponse,
): Promise<WireAnswer> {
  const call = protocol.read(request);
  // Only a long poll lasts long enough for the client to go away meanwhile; its next message must not go with it.
  const waiting = call.operation === "ReceiveMessage" ? { ...caller, signal: closedSignal(response) } : caller;
  return protocol.write(call, await aws.call(service, call.operation, call.input, waiting), request);
}

function closedSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function requestOf({ method = "", url = "/", headers }: IncomingMessage, body: Buffer): WireRequest {
  const mark = url.indexOf("?");
  return {
    method,
    path: mark === -1 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)),
    headers,
    body,
  };
}

/** The whole body, or undefined when it is longer than `maxBytes`; the rest of it is not read. */
function bodyOf(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        incoming.pause();
        resolve(undefined);
      } else {
        chunks.push(chunk);
      }
    });
    incoming.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    incoming.on("error", reject);
  });
}

function send(response: ServerResponse, { status, headers, body }: WireAnswer): void {
  if (response.destroyed) return;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  // HeadObject tells the length of a body it does not send.
  response.writeHead(status, { "content-length": length, ...headers });
  response.end(body);
}

const unidentified: WireAnswer = {
  status: 403,
  headers: { "content-type": "application/json", "x-amzn-errortype": "MissingAuthenticationTokenException" },
  body: JSON.stringify({
    __type: "MissingAuthenticationTokenException",
    message: "Request is missing Authentication Token, or is signed for a service that is not modelled",
  }),
};

function tooLarge(maxBytes: number): AwsServiceError {
  return new AwsServiceError("RequestEntityTooLargeException", `The request is larger than ${maxBytes} bytes`, 413);
}

function serviceError(error: unknown): AwsServiceError {
  if (error instanceof AwsServiceError) return error;
  // 501 is a status the SDK does not try again.
  if (error instanceof NotModelledError) return new AwsServiceError(error.name, error.message, 501);
  return new AwsServiceError("InternalFailure", error instanceof Error ? error.message : "Unknown failure", 500);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, LOOPBACK, () => {
      server.off("error", reject);
      resolve(portOf(server.address(), port));
    });
  });
}

function portOf(address: AddressInfo | string | null, asked: number): number {
  return typeof address === "object" && address !== null ? address.port : asked;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
