/** Owns: what every operation of the API is given and what it gives back. */
import type { RegistryReader } from "../registry/registry.js";
import type { IdSource } from "../ingest/id-source.js";
import type { Services } from "../services.js";

export interface ApiContext {
  services: Services;
  registry: RegistryReader;
}

export interface ApiRequest {
  /** The path's `:id`, as it came; "" for a path without one. Operations validate it before it becomes a key. */
  id: string;
  /** The query's parameters: each one allowed by the route, none twice. */
  query: ReadonlyMap<string, string>;
  /** The JSON a POST brought; undefined with any other method. Operations validate it. */
  body: unknown;
  /** Names the request: the same again when it is repeated under its x-perdure-request-id. */
  ids: IdSource;
}

export interface ApiResult {
  data: unknown;
  /** Where the next page begins; absent on the last one. */
  cursor?: string;
}

export type Operation = (context: ApiContext, request: ApiRequest) => Promise<ApiResult>;
