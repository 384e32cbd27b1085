/**
 * Owns: API Gateway's HTTP API in front of functions: which route a request takes, its limits, its 30 seconds, and what the
 * caller is told when no function answered. `dispatch` is the whole of it; the socket in front is http-server.ts.
 * Must not: know what a route means. Authentication, validation and answers are the functions'.
 */
import { sleep, type Clock, type Random } from "../../sdk/clock.js";
import { handlerError, requestIdFrom } from "./invocation.js";
import type { InvocationError } from "./invocation.js";
import type { LambdaFunction } from "./lambda-function.js";
import { errorResponse, httpApiEvent, httpResponse } from "./http-message.js";
import type { HttpRequest, HttpResponse } from "./http-message.js";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
export const HTTP_REQUEST_LIMIT_BYTES = 10_485_760;
const HEADERS_LIMIT_BYTES = 10_240;
const INTEGRATION_TIMEOUT_MS = 30_000;
const BUSY_PAUSE_MS = 5;

export interface HttpRoute {
  /** Route key: "POST /e/{eventKey}", "ANY /api/v1/{proxy+}", "GET /health". */
  route: string;
  target: LambdaFunction;
}

export interface HttpApiOptions {
  clock: Clock;
  random: Random;
  /**
   * Wait for a sandbox when all are busy, within the 30 seconds, instead of answering 503: on AWS another would have
   * started, a laptop has no thousand. False by default: then a throttled function is answered as AWS answers it.
   */
  waitWhenBusy?: boolean;
  /** Told of an invocation that gave no answer; the caller sees only a 5xx. */
  onProblem?(routeKey: string, error: InvocationError): void;
}

interface CompiledRoute extends HttpRoute {
  method: string;
  segments: string[];
}

interface Match {
  route: CompiledRoute;
  pathParameters: Record<string, string>;
}

export class HttpApi {
  readonly #options: HttpApiOptions;
  readonly #routes: CompiledRoute[];

  constructor(routes: readonly HttpRoute[], options: HttpApiOptions) {
    this.#options = options;
    this.#routes = routes.map(compileRoute).sort(byPrecedence);
  }

  /** Answers one request. Never rejects. */
  async dispatch(request: HttpRequest): Promise<HttpResponse> {
    const refusal = refusalOf(request);
    if (refusal !== undefined) return refusal;
    const [encodedPath = "/", ...queryParts] = request.target.split("?");
    const segments = decodeSegments(encodedPath);
    if (segments === undefined) return errorResponse(400, "Bad Request");
    const match = this.#match(request.method.toUpperCase(), segments);
    if (match === undefined) return errorResponse(404, "Not Found");
    const event = httpApiEvent(request, {
      routeKey: match.route.route,
      path: `/${segments.join("/")}`,
      query: queryParts.join("?"),
      pathParameters: match.pathParameters,
      requestId: requestIdFrom(this.#options.random),
      nowMs: this.#options.clock.now(),
    });
    return this.#integrate(match.route, event);
  }

  #match(method: string, segments: readonly string[]): Match | undefined {
    for (const route of this.#routes) {
      if (route.method !== "ANY" && route.method !== method) continue;
      const pathParameters = matchSegments(route.segments, segments);
      if (pathParameters !== undefined) return { route, pathParameters };
    }
    return undefined;
  }

  /** The invocation goes on after the 30 seconds, as on AWS; only nobody waits for it any more. */
  #integrate(route: CompiledRoute, event: unknown): Promise<HttpResponse> {
    return new Promise((resolve) => {
      let waited = false;
      const cancel = this.#options.clock.after(INTEGRATION_TIMEOUT_MS, () => {
        waited = true;
        resolve(errorResponse(503, "Service Unavailable"));
      });
      this.#invoke(route.target, event, () => waited).then(
        (answer) => {
          cancel();
          resolve(httpResponse(answer));
        },
        (error: unknown) => {
          cancel();
          const failure = handlerError(error);
          this.#options.onProblem?.(route.route, failure);
          resolve(failureResponse(failure));
        },
      );
    });
  }

  async #invoke(target: LambdaFunction, event: unknown, givenUp: () => boolean): Promise<unknown> {
    for (;;) {
      try {
        return await target.invoke(event);
      } catch (error) {
        const busy = handlerError(error).failure === "throttled";
        if (!busy || this.#options.waitWhenBusy !== true || givenUp()) throw error;
      }
      await sleep(this.#options.clock, BUSY_PAUSE_MS);
    }
  }
}

function refusalOf(request: HttpRequest): HttpResponse | undefined {
  if ((request.body?.byteLength ?? 0) > HTTP_REQUEST_LIMIT_BYTES) return errorResponse(413, "Request Entity Too Large");
  const headerBytes = Object.entries(request.headers).reduce(
    (sum, [name, value]) => sum + name.length + String(value ?? "").length,
    request.target.length,
  );
  return headerBytes > HEADERS_LIMIT_BYTES ? errorResponse(431, "Request Header Fields Too Large") : undefined;
}

/** A body within 10 MB may still exceed the 6 MB of an invocation (413); a throttled function is a passing trouble (503). */
function failureResponse(failure: InvocationError): HttpResponse {
  if (failure.errorType === "RequestEntityTooLargeException") return errorResponse(413, "Request Entity Too Large");
  if (failure.failure === "throttled") return errorResponse(503, "Service Unavailable");
  return errorResponse(500, "Internal Server Error");
}

function compileRoute(route: HttpRoute): CompiledRoute {
  const [method = "", path = ""] = route.route.split(" ");
  return { ...route, method, segments: path.split("/").slice(1) };
}

/** A greedy route after the exact ones, ANY after a method of its own, literal segments before variables. */
function byPrecedence(a: CompiledRoute, b: CompiledRoute): number {
  return precedence(a) - precedence(b) || variables(a) - variables(b);
}

function precedence(route: CompiledRoute): number {
  const isGreedy = route.segments.at(-1)?.endsWith("+}") ?? false;
  return (isGreedy ? 2 : 0) + (route.method === "ANY" ? 1 : 0);
}

const variables = (route: CompiledRoute): number => route.segments.filter((segment) => segment.startsWith("{")).length;

/** The path's segments, percent-decoded; undefined when an escape is malformed. */
function decodeSegments(encodedPath: string): string[] | undefined {
  try {
    return encodedPath.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function matchSegments(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index];
    if (segment === undefined) return undefined;
    if (part.startsWith("{") && part.endsWith("+}")) {
      const rest = segments.slice(index).join("/");
      return rest === "" ? undefined : { ...parameters, [part.slice(1, -2)]: rest };
    }
    if (part.startsWith("{") && part.endsWith("}")) {
      if (segment === "") return undefined;
      parameters[part.slice(1, -1)] = segment;
    } else if (part !== segment) return undefined;
  }
  return pattern.length === segments.length ? parameters : undefined;
}
