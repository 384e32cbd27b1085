/** Owns: `GET /api/v1/events/:id`: an event as it was received, and what became of it for each function it matched. */
import { EventStore, type Route } from "../state/event-store.js";
import type { ApiContext, ApiRequest, ApiResult } from "./operation.js";
import { requireEvent } from "./require-event.js";
import { isoTime } from "./show-run.js";

export async function getEvent({ services }: ApiContext, { id }: ApiRequest): Promise<ApiResult> {
  const record = await requireEvent(services, id);
  const event = await new EventStore(services).unpack(record.payload);
  return {
    data: {
      id: record.id,
      senderId: record.senderId,
      name: event.name,
      data: event.data,
      ts: event.ts,
      v: event.v ?? null,
      receivedAt: isoTime(record.receivedAtMs),
      routes: record.routes.map(showRoute),
    },
  };
}

/** `skipped` says why a function that matched got no run of its own; `runId` is then the run it already had. */
function showRoute(route: Route): { appId: string; functionId: string; runId: string; skipped: string | null } {
  const skipped = "skipped" in route ? route.skipped : null;
  return { appId: route.app, functionId: route.fn, runId: route.run, skipped };
}
