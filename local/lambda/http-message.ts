/**
 * Owns: API Gateway's payload format 2.0: a request as the event a function receives, a function's answer as a response.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 * Must not: route or invoke; `HttpApi` does.
 */

export interface HttpRequest {
  method: string;
  /** Path with query, as on the request line: "/e/key?x=1". */
  target: string;
  headers: Record<string, string | readonly string[] | undefined>;
  body?: Uint8Array;
  sourceIp?: string;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  /** One Set-Cookie header each. */
  cookies: string[];
  body: Uint8Array;
}

export interface HttpApiEvent {
  version: "2.0";
  routeKey: string;
  rawPath: string;
  rawQueryString: string;
  cookies?: string[];
  headers: Record<string, string>;
  queryStringParameters?: Record<string, string>;
  requestContext: HttpApiRequestContext;
  pathParameters?: Record<string, string>;
  body?: string;
  isBase64Encoded: boolean;
}

export interface HttpApiRequestContext {
  accountId: string;
  apiId: string;
  domainName: string;
  domainPrefix: string;
  http: { method: string; path: string; protocol: string; sourceIp: string; userAgent: string };
  requestId: string;
  routeKey: string;
  stage: string;
  time: string;
  timeEpoch: number;
}

/** What the router knows of a request beside the request itself. */
export interface RoutedRequest {
  routeKey: string;
  path: string;
  query: string;
  pathParameters: Record<string, string>;
  requestId: string;
  nowMs: number;
}

export const errorResponse = (status: number, message: string): HttpResponse => ({
  status,
  headers: { "content-type": "application/json" },
  cookies: [],
  body: Buffer.from(JSON.stringify({ message })),
});

/** Lower-cased names, values of a repeated header joined with a comma. Cookies travel apart. */
function eventHeaders(headers: HttpRequest["headers"]): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name.toLowerCase(), typeof value === "string" ? value : value.join(",")]],
  );
  return Object.fromEntries(entries.filter(([name]) => name !== "cookie"));
}

function eventCookies(headers: HttpRequest["headers"]): string[] {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    name.toLowerCase() === "cookie" ? (value ?? []) : [],
  );
  return values.flatMap((value) => value.split(";")).flatMap((cookie) => cookie.trim() || []);
}

/** Values of a repeated parameter are joined with a comma, so a comma inside a value cannot be told apart: AWS's own rule. */
function queryParameters(query: string): Record<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const earlier = parameters.get(name);
    parameters.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return parameters.size === 0 ? undefined : Object.fromEntries(parameters);
}

const TEXT_TYPES = /^(text\/.*|application\/(json|javascript|xml|.*\+json|.*\+xml))$/;

/**
 * Text types travel as they are, everything else as base64. `curl -d` sends application/x-www-form-urlencoded, which is
 * *not* a text type: a handler that forgets `isBase64Encoded` fails here as it would on AWS.
 */
function eventBody(bytes: Uint8Array, headers: Record<string, string>): { body: string; isBase64Encoded: boolean } {
  const type = (headers["content-type"] ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
  if (TEXT_TYPES.test(type) && headers["content-encoding"] === undefined) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      return { body: text, isBase64Encoded: false };
    } catch {
      // Not UTF-8 after all: as base64 nothing is lost.
    }
  }
  return { body: Buffer.from(bytes).toString("base64"), isBase64Encoded: true };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Common log format: 12/Mar/2026:19:03:58 +0000. */
function commonLogTime(nowMs: number): string {
  const iso = new Date(nowMs).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1] ?? ""}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}

const API_ID = "perdure";

function requestContext(
  request: HttpRequest,
  routed: RoutedRequest,
  headers: Record<string, string>,
): HttpApiRequestContext {
  return {
    accountId: "000000000000",
    apiId: API_ID,
    domainName: headers["host"] ?? "localhost",
    domainPrefix: API_ID,
    http: {
      method: request.method,
      path: routed.path,
      protocol: "HTTP/1.1",
      sourceIp: request.sourceIp ?? "127.0.0.1",
      userAgent: headers["user-agent"] ?? "",
    },
    requestId: routed.requestId,
    routeKey: routed.routeKey,
    stage: "$default",
    time: commonLogTime(routed.nowMs),
    timeEpoch: routed.nowMs,
  };
}

export function httpApiEvent(request: HttpRequest, routed: RoutedRequest): HttpApiEvent {
  const headers = eventHeaders(request.headers);
  const cookies = eventCookies(request.headers);
  const parameters = queryParameters(routed.query);
  const hasPathParameters = Object.keys(routed.pathParameters).length > 0;
  const hasBody = request.body !== undefined && request.body.byteLength > 0;
  return {
    version: "2.0",
    routeKey: routed.routeKey,
    rawPath: routed.path,
    rawQueryString: routed.query,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers,
    ...(parameters === undefined ? {} : { queryStringParameters: parameters }),
    requestContext: requestContext(request, routed, headers),
    ...(hasPathParameters ? { pathParameters: routed.pathParameters } : {}),
    ...(hasBody ? eventBody(request.body ?? new Uint8Array(), headers) : { isBase64Encoded: false }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function responseHeaders(headers: unknown): Record<string, string> {
  if (!isRecord(headers)) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function bodyText(body: unknown): string {
  if (body === undefined || body === null) return "";
  return typeof body === "string" ? body : JSON.stringify(body);
}

/**
 * A function's answer as a response. With a `statusCode` it is taken at its word; any other JSON value is the body of a 200.
 * A status that is none is AWS's own 500.
 */
export function httpResponse(answer: unknown): HttpResponse {
  if (!isRecord(answer) || answer["statusCode"] === undefined) {
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      cookies: [],
      body: Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer ?? null)),
    };
  }
  const status = Number(answer["statusCode"]);
  if (!Number.isInteger(status) || status < 200 || status > 599) return errorResponse(500, "Internal Server Error");
  const cookies = Array.isArray(answer["cookies"]) ? answer["cookies"].map(String) : [];
  const encoding = answer["isBase64Encoded"] === true ? "base64" : "utf8";
  return {
    status,
    headers: { "content-type": "text/plain;charset=UTF-8", ...responseHeaders(answer["headers"]) },
    cookies,
    body: Buffer.from(bodyText(answer["body"]), encoding),
  };
}
