/**
 * Owns: `POST /e/:eventKey`: authenticate, validate, give ids, put on the events queue, answer. When it answers 200 every
 * event of the request is durable; when it answers anything else, none of it was kept.
 */
import { isPerdureError, type PerdureError } from "../../sdk/error-catalogue.js";
import { outcomeUnknown } from "../aws/until-known.js";
import { matchesAnyKey } from "../core/keys-equal.js";
import type { Services } from "../services.js";
import { acceptFailed, methodUnknown, unknownEventKey } from "./errors.js";
import { readTraceparent, tracedServices } from "../observe/trace.js";
import { bodyBytes, idSource } from "./id-source.js";
import { acceptEvents } from "./publish.js";
import { readEvents } from "./read-events.js";
import { readJson } from "./read-json.js";

/** The part of API Gateway's payload format 2.0 that is read. */
export interface HttpEvent {
  headers?: Record<string, string | undefined>;
  pathParameters?: Record<string, string | undefined>;
  body?: string | undefined;
  isBase64Encoded?: boolean;
  requestContext: { http: { method: string } };
}

export interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export function answer(statusCode: number, body: unknown): HttpAnswer {
  return {
    statusCode,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}

export function errorAnswer({ status, code, message, remedy }: PerdureError): HttpAnswer {
  return answer(status, { error: { code, message, remedy } });
}

export function createIngest(
  services: Services,
  keys: { eventKeys: readonly string[] },
): (event: HttpEvent) => Promise<HttpAnswer> {
  return async (event) => {
    const trace = readTraceparent(event.headers?.["traceparent"]);
    try {
      if (event.requestContext.http.method !== "POST")
        throw methodUnknown({ method: event.requestContext.http.method });
      if (!matchesAnyKey(event.pathParameters?.["eventKey"] ?? "", keys.eventKeys)) throw unknownEventKey({});
      const read = readEvents(readJson(bodyBytes(event)), { nowMs: services.clock.now() });
      if (!read.ok) throw read.error;
      const { ids } = await acceptEvents(services, read.events, idSource(services, event.headers), trace);
      return answer(200, { ids, status: 200 });
    } catch (error) {
      return refuse(tracedServices(services, trace), error);
    }
  };
}

function refuse(services: Services, error: unknown): HttpAnswer {
  if (isPerdureError(error) && error.code !== outcomeUnknown.definition.code) return errorAnswer(error);
  services.logger.error("Cannot accept events", error);
  return errorAnswer(acceptFailed({}));
}
