/**
 * Owns: the socket in front of an HttpApi: reads a request whole, up to the limit, and writes the response.
 * Must not: look at what it carries, or fall over anything a client does.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { HTTP_REQUEST_LIMIT_BYTES } from "./http-api.js";
import type { HttpApi } from "./http-api.js";
import { errorResponse } from "./http-message.js";
import type { HttpResponse } from "./http-message.js";

export interface HttpListener {
  port: number;
  /** Takes no further connection and cuts those that are open. */
  close(): Promise<void>;
}

export interface ListenOptions {
  port: number;
  host: string;
}

/** What answers the requests: an HttpApi, or what stands in for one while the platform starts. */
export type Dispatcher = Pick<HttpApi, "dispatch">;

/** Listens, or rejects with the system's error (EADDRINUSE). Port 0 takes any free one. */
export async function listenHttp(api: Dispatcher, { port, host }: ListenOptions): Promise<HttpListener> {
  const server = createServer((request, response) => {
    // A client that hangs up while sending leaves nothing to answer.
    serve(api, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : port, close: () => close(server) };
}

async function serve(api: Dispatcher, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === "too-large") {
    response.setHeader("connection", "close");
    write(response, errorResponse(413, "Request Entity Too Large"));
    return;
  }
  const answer = await api.dispatch({
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: request.headers,
    body,
    sourceIp: request.socket.remoteAddress ?? "127.0.0.1",
  });
  write(response, answer);
}

/** Beyond the limit the rest is read and dropped: cutting the connection would cut off the answer as well. */
function readBody(request: IncomingMessage): Promise<Uint8Array | "too-large"> {
  const chunks: Uint8Array[] = [];
  let receivedBytes = 0;
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > HTTP_REQUEST_LIMIT_BYTES) resolve("too-large");
    request.on("data", (chunk: Uint8Array) => {
      receivedBytes += chunk.byteLength;
      if (receivedBytes <= HTTP_REQUEST_LIMIT_BYTES) chunks.push(chunk);
      else if (chunks.splice(0).length > 0) resolve("too-large");
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject);
  });
}

function write(response: ServerResponse, answer: HttpResponse): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) setHeader(response, name, value);
  if (answer.cookies.length > 0) response.setHeader("set-cookie", answer.cookies);
  response.setHeader("content-length", answer.body.byteLength);
  response.end(answer.body);
}

/** A function may answer a header that HTTP does not allow; the rest of its answer is still good. */
function setHeader(response: ServerResponse, name: string, value: string): void {
  try {
    response.setHeader(name, value);
  } catch {
    response.setHeader("x-perdure-dropped-header", "invalid");
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
