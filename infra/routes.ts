/** Owns: the HTTP API's routes: the one list from which the gateway is made. What is not here does not reach a function. */

export interface HttpRoute {
  method: "POST" | "GET" | "ANY";
  path: string;
  function: "ingest" | "api";
}

/** `/v0`, `/v1`, `/fn` and `/api/inngest` stay free: they belong to the published protocol of other SDKs. */
export const HTTP_ROUTES: readonly HttpRoute[] = [
  { method: "POST", path: "/e/{eventKey}", function: "ingest" },
  { method: "ANY", path: "/api/v1/{proxy+}", function: "api" },
  { method: "GET", path: "/health", function: "api" },
];
