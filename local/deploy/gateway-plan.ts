/**
 * Owns: the stack's HTTP API while its parts are made one by one (integrations, routes, the stage), and the gateway they make
 * up together. Its address is known from the beginning: functions are told it before it has routes.
 */
import type { Clock, Random } from "../../sdk/clock.js";
import { AwsServiceError, NotModelledError } from "../aws/model.js";
import { HttpApi, type HttpRoute } from "../lambda/http-api.js";
import { errorResponse, type HttpRequest, type HttpResponse } from "../lambda/http-message.js";
import { listenHttp, type HttpListener } from "../lambda/http-server.js";
import type { FunctionFleet } from "./function-fleet.js";
import { arn } from "./resource.js";

export interface PlannedRoute {
  apiId: string;
  routeKey: string;
  integrationId: string;
}

const LOOPBACK = "127.0.0.1";
const API_GATEWAY = "apigateway.amazonaws.com";

export class GatewayPlan {
  /** Of the one API a stack may have here. */
  apiId: string | undefined;
  stageName: string | undefined;
  /** Integration id → function name. */
  readonly integrations = new Map<string, string>();
  readonly routes: PlannedRoute[] = [];
  readonly #listener: HttpListener;
  readonly #onProblem: (where: string, problem: unknown) => void;
  #api: HttpApi | undefined;

  private constructor(listener: HttpListener, onProblem: (where: string, problem: unknown) => void) {
    this.#listener = listener;
    this.#onProblem = onProblem;
  }

  static async listen(onProblem: (where: string, problem: unknown) => void): Promise<GatewayPlan> {
    const holder: { plan?: GatewayPlan } = {};
    const notYet = errorResponse(404, "Not Found");
    const dispatch = (request: HttpRequest): Promise<HttpResponse> =>
      holder.plan?.dispatch(request) ?? Promise.resolve(notYet);
    const listener = await listenHttp({ dispatch }, { host: LOOPBACK, port: 0 });
    holder.plan = new GatewayPlan(listener, onProblem);
    return holder.plan;
  }

  get url(): string {
    return `http://${LOOPBACK}:${this.#listener.port}`;
  }

  /** Puts the routes into service. Each function must let this API invoke it. */
  open(fleet: FunctionFleet, clock: Clock, random: Random): void {
    if (this.apiId === undefined) return;
    if (this.stageName !== "$default")
      throw new NotModelledError(`Stages beside $default are not modelled: ${this.stageName}`);
    const routes = this.routes.map((route) => this.#target(route, fleet));
    this.#api = new HttpApi(routes, { clock, random, waitWhenBusy: true, onProblem: this.#onProblem });
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  /** One request, past the socket. Before the routes are open there is nothing to find. */
  dispatch(request: HttpRequest): Promise<HttpResponse> {
    return this.#api?.dispatch(request) ?? Promise.resolve(errorResponse(404, "Not Found"));
  }

  #target({ routeKey, integrationId, apiId }: PlannedRoute, fleet: FunctionFleet): HttpRoute {
    const name = this.integrations.get(integrationId);
    if (name === undefined)
      throw new AwsServiceError("NotFoundException", `Unable to find integration ${integrationId}`);
    const [method = "", path = ""] = routeKey.split(" ");
    const source = arn("execute-api", `${apiId}/${this.stageName ?? ""}/${method === "ANY" ? "GET" : method}${path}`);
    // On AWS the route would answer 500 to everybody; whoever deploys wants to know now.
    if (!fleet.isPermitted(name, API_GATEWAY, source)) {
      throw new AwsServiceError(
        "AccessDeniedException",
        `API Gateway may not invoke ${name} for the route ${routeKey}`,
      );
    }
    return { route: routeKey, target: fleet.require(name).lambda };
  }
}
