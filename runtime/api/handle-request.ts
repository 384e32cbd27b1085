/**
 * Owns: one request to the API: find the route, check the key, read the query, run the operation, answer.
 * Must not: know what an operation does, or let an unexpected error's text out.
 * Paths are compared as they come: no valid id has a character that needs escaping, so an escaped one is simply not found.
 */
import { PerdureError } from "../../sdk/error-catalogue.js";
import { outcomeUnknown } from "../aws/until-known.js";
import { matchesAnyKey } from "../core/keys-equal.js";
import { unknownEventKey } from "../ingest/errors.js";
import { bodyBytes, idSource } from "../ingest/id-source.js";
import { readJson } from "../ingest/read-json.js";
import { RegistryReader } from "../registry/registry.js";
import type { Services } from "../services.js";
import { internal, methodNotAllowed, notFound, unauthorized, unavailable } from "./errors.js";
import type { ApiContext } from "./operation.js";
import { readQuery } from "./read-query.js";
import { answer, errorAnswer, type ApiAnswer } from "./respond.js";
import { routesOf, type Route } from "./routes.js";

/** The part of API Gateway's payload format 2.0 that is read. */
export interface ApiEvent {
  rawPath: string;
  rawQueryString?: string;
  /** Names in lower case, as API Gateway gives them. */
  headers?: Record<string, string | undefined>;
  body?: string;
  isBase64Encoded?: boolean;
  requestContext: { requestId?: string; http: { method: string } };
}

export interface ApiKeys {
  /** Open everything but what senders do. */
  signingKeys: readonly string[];
  /** Open what senders do, and nothing else. */
  eventKeys: readonly string[];
}

/** The API over these services. The function it returns never rejects. */
export function createApi(services: Services, keys: ApiKeys): (event: ApiEvent) => Promise<ApiAnswer> {
  const context: ApiContext = { services, registry: new RegistryReader(services) };
  return async (event) => {
    try {
      return await handle(context, keys, event);
    } catch (error) {
      return refuse(services, event, error);
    }
  };
}

async function handle(context: ApiContext, keys: ApiKeys, event: ApiEvent): Promise<ApiAnswer> {
  const { rawPath: path } = event;
  const { method } = event.requestContext.http;
  const { matches, id } = routesOf(path);
  // Before anything else is said: who has no key learns neither paths nor ids.
  requireKey(matches[0]?.access ?? "key", bearerToken(event), keys);
  if (matches.length === 0) throw notFound({ thing: "path", id: path });
  const route = matches.find((match) => match.method === method);
  if (!route) throw methodNotAllowed({ method, path, allowed: allowedOf(path) });
  const query = readQuery(event.rawQueryString ?? "", route.query);
  const body = method === "POST" ? readJson(bodyBytes(event)) : undefined;
  const ids = idSource(context.services, event.headers);
  const { data, cursor } = await route.operation(context, { id, query, body, ids });
  return answer(200, cursor === undefined ? { data } : { data, cursor });
}

/** All routes of one path have the same access. */
function requireKey(access: Route["access"], token: string, { signingKeys, eventKeys }: ApiKeys): void {
  if (access === "key" && !matchesAnyKey(token, signingKeys)) throw unauthorized({});
  if (access === "event" && !matchesAnyKey(token, eventKeys)) throw unknownEventKey({});
}

function bearerToken(event: ApiEvent): string {
  const [, token = ""] = /^Bearer +(\S+)$/i.exec(event.headers?.["authorization"] ?? "") ?? [];
  return token;
}

function allowedOf(path: string): string {
  return routesOf(path)
    .matches.map(({ method }) => method)
    .join(", ");
}

/** What the catalogue has is told as it is; whatever else happened is told to the log alone. */
function refuse(services: Services, event: ApiEvent, error: unknown): ApiAnswer {
  const requestId = event.requestContext?.requestId ?? "";
  const isUnavailable = error instanceof PerdureError && error.code === outcomeUnknown.definition.code;
  if (isUnavailable) {
    services.logger.warn("Cannot answer an API request now", { requestId }, error);
    return errorAnswer(unavailable({ requestId }));
  }
  if (!(error instanceof PerdureError)) {
    services.logger.error("Cannot answer an API request", { requestId }, error);
    return errorAnswer(internal({ requestId }));
  }
  if (error.status === unauthorized.definition.status) return errorAnswer(error, { "www-authenticate": "Bearer" });
  if (error.code === methodNotAllowed.definition.code) return errorAnswer(error, { allow: allowedOf(event.rawPath) });
  if (error.status >= 500) services.logger.error("Cannot answer an API request", { requestId }, error);
  return errorAnswer(error);
}
