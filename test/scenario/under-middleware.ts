/** One run under middleware, as far as an hour brings it. No assertions in here. */
import { Perdure } from "../../sdk/client.js";
import type { FunctionContext } from "../../sdk/function.js";
import type { MiddlewareClass } from "../../sdk/middleware/middleware.js";
import type { Scenario, ScenarioOptions, RunView } from "./world.js";
import { HOUR } from "./world.js";

export const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export type Handler = (context: FunctionContext) => Promise<unknown>;

export interface UnderMiddleware {
  client?: readonly MiddlewareClass[];
  own?: readonly MiddlewareClass[];
  retries?: number;
}

/** The run of a handler under the client's and the function's middleware. */
export async function runUnder(
  start: (options: ScenarioOptions) => Promise<Scenario>,
  { client: clients = [], own = [], retries = 2 }: UnderMiddleware,
  handler: Handler,
): Promise<RunView> {
  const client = new Perdure({ id: "shop", middleware: clients, logger: silent });
  const fn = client.createFunction({ id: "told", triggers: { event: "shop/x" }, retries, middleware: own }, (context) =>
    handler(context),
  );
  const scenario = await start({ client, functions: [fn] });
  const [eventId = ""] = await scenario.send({ name: "shop/x", data: { n: 1 } });
  await scenario.advance(HOUR);
  return scenario.runOf(eventId);
}
