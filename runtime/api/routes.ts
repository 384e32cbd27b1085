/** Owns: the API on one screen: method, path, who may ask, which query parameters it knows, and the operation. */
import { cancelRun } from "./cancel-run.js";
import { getEvent } from "./get-event.js";
import { getHealth } from "./get-health.js";
import { getRun } from "./get-run.js";
import { listEventRuns } from "./list-event-runs.js";
import { listFunctions } from "./list-functions.js";
import { listRuns } from "./list-runs.js";
import { listSteps } from "./list-steps.js";
import { getCancellation, postCancellation } from "./cancellations.js";
import { postSignal } from "./post-signal.js";
import type { Operation } from "./operation.js";

export interface Route {
  method: "GET" | "POST" | "DELETE";
  /** Segments as they must be; ":id" stands for any one segment. */
  path: string;
  /** "key": with a signing key as Bearer token. "event": with an event key, likewise. "anyone": without. */
  access: "key" | "event" | "anyone";
  query: readonly string[];
  operation: Operation;
}

const RUNS_QUERY = ["function", "status", "from", "until", "limit", "cursor"];

// prettier-ignore
export const routes: readonly Route[] = [
  { method: "GET",    path: "/health",                 access: "anyone", query: [],         operation: getHealth },
  { method: "GET",    path: "/api/v1/functions",       access: "key",    query: [],         operation: listFunctions },
  { method: "GET",    path: "/api/v1/events/:id",      access: "key",    query: [],         operation: getEvent },
  { method: "GET",    path: "/api/v1/events/:id/runs", access: "key",    query: [],         operation: listEventRuns },
  { method: "GET",    path: "/api/v1/runs",            access: "key",    query: RUNS_QUERY, operation: listRuns },
  { method: "GET",    path: "/api/v1/runs/:id",        access: "key",    query: [],         operation: getRun },
  { method: "DELETE", path: "/api/v1/runs/:id",        access: "key",    query: [],         operation: cancelRun },
  { method: "GET",    path: "/api/v1/runs/:id/steps",  access: "key",    query: [],         operation: listSteps },
  { method: "POST",   path: "/api/v1/signals",         access: "event",  query: [],         operation: postSignal },
  { method: "POST",   path: "/api/v1/cancellations",   access: "key",    query: [],         operation: postCancellation },
  { method: "GET",    path: "/api/v1/cancellations/:id", access: "key",  query: [],         operation: getCancellation },
];

/** The routes a path has, one for each method, and what stands for ":id" in it. Empty when there is no such path. */
export function routesOf(path: string): { matches: Route[]; id: string } {
  const segments = path.split("/");
  const matches = routes.filter((route) => fits(route.path.split("/"), segments));
  const idPosition = matches[0]?.path.split("/").indexOf(":id") ?? -1;
  return { matches, id: segments[idPosition] ?? "" };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, index) => part === segments[index] || (part === ":id" && segments[index] !== ""));
}
