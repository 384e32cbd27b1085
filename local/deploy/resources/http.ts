/** Owns: making the parts of an HTTP API: the API, its integrations, its routes, its stage. */
import { AwsServiceError, NotModelledError } from "../../aws/model.js";
import { propertiesOf, type Maker } from "../resource.js";

const API_ID_LENGTH = 10;
const FUNCTION_IN_URI = /:function:([A-Za-z0-9_-]+)/;

export const makeApi: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["Name", "ProtocolType", "Description", "Tags"]);
  if (properties.requireText("ProtocolType") !== "HTTP") throw new NotModelledError("Only HTTP APIs are modelled");
  if (world.gateway.apiId !== undefined) throw new NotModelledError("A second API in one stack is not modelled");
  const letters = Array.from(world.random.bytes(API_ID_LENGTH), (byte) => (byte % 36).toString(36));
  const apiId = letters.join("");
  world.gateway.apiId = apiId;
  return { ref: apiId, attributes: { ApiId: apiId, ApiEndpoint: world.gateway.url } };
};

export const makeIntegration: Maker = (resource, world) => {
  const known = ["ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion", "TimeoutInMillis"];
  const properties = propertiesOf(resource, known);
  const isProxy = properties.requireText("IntegrationType") === "AWS_PROXY";
  if (!isProxy || properties.requireText("PayloadFormatVersion") !== "2.0") {
    throw new NotModelledError("Only AWS_PROXY integrations with payload format 2.0 are modelled");
  }
  const uri = properties.requireText("IntegrationUri");
  const name = FUNCTION_IN_URI.exec(uri)?.[1];
  if (name === undefined) throw new NotModelledError(`An integration with "${uri}" is not modelled`);
  const id = `integration-${resource.logicalId}`;
  world.gateway.integrations.set(id, name);
  return { ref: id, attributes: { IntegrationId: id } };
};

export const makeRoute: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["ApiId", "RouteKey", "Target", "AuthorizationType"]);
  const authorization = properties.text("AuthorizationType") ?? "NONE";
  if (authorization !== "NONE")
    throw new NotModelledError(`Routes with authorization ${authorization} are not modelled`);
  const [, integrationId] = properties.requireText("Target").split("/");
  if (integrationId === undefined) throw new AwsServiceError("BadRequestException", "Invalid target");
  const routeKey = properties.requireText("RouteKey");
  world.gateway.routes.push({ apiId: properties.requireText("ApiId"), routeKey, integrationId });
  return { ref: resource.logicalId, attributes: { RouteId: resource.logicalId } };
};

export const makeStage: Maker = (resource, world) => {
  // Throttling and access logs are the gateway's own and change no call.
  const known = [
    "ApiId",
    "StageName",
    "AutoDeploy",
    "DefaultRouteSettings",
    "AccessLogSettings",
    "Description",
    "Tags",
  ];
  const properties = propertiesOf(resource, known);
  const stageName = properties.requireText("StageName");
  world.gateway.stageName = stageName;
  return { ref: stageName, attributes: {} };
};
