/** Owns: `GET /api/v1/functions`: what is registered now, by app and function. */
import type { ApiContext, ApiResult } from "./operation.js";

export async function listFunctions({ registry }: ApiContext): Promise<ApiResult> {
  const { apps } = await registry.current();
  const rows = [...apps.values()].flatMap((app) =>
    app.functions.map(({ config }) => ({
      id: config.id,
      appId: app.appId,
      name: config.name,
      triggers: config.triggers,
      retries: config.retries,
      // Of the app: all of its functions are registered together.
      version: app.version,
      registeredAt: new Date(app.registeredAtMs).toISOString(),
    })),
  );
  // A function's place must not depend on the order in which the registry happened to load it. "/" is in no id.
  const place = ({ appId, id }: { appId: string; id: string }): string => `${appId}/${id}`;
  return { data: rows.sort((a, b) => (place(a) < place(b) ? -1 : 1)) };
}
