/** Owns: the HTTP API in front of ingest and api: routes, throttling, access logs, the custom domain. */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  DomainName,
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
  type IHttpRouteAuthorizer,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import type { ICertificate } from "aws-cdk-lib/aws-certificatemanager";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { ARecord, type IHostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayv2DomainProperties } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledgements.js";
import type { PlatformFunctions } from "./platform-functions.js";
import { HTTP_ROUTES } from "./routes.js";

export interface CustomDomain {
  name: string;
  certificate: ICertificate;
  /** Where the name is pointed at the API. Absent: you do that yourself. */
  hostedZone?: IHostedZone;
}

export interface HttpGatewayProps {
  functions: PlatformFunctions;
  /** "iam": events must be signed (SigV4) besides naming a key. */
  eventAuth: "key" | "iam";
  throttle: { rateLimit: number; burstLimit: number };
  logRetention: RetentionDays;
  domain?: CustomDomain | undefined;
}

/** No path and no query: an event key is a part of the path. Few fields: a line is paid for with every event. */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  route: "$context.routeKey",
  status: "$context.status",
  ip: "$context.identity.sourceIp",
  latencyMs: "$context.responseLatency",
  error: "$context.integrationErrorMessage",
} as const;

export class HttpGateway extends Construct {
  readonly api: HttpApi;
  /** Without a slash at its end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: HttpGatewayProps) {
    super(scope, id);
    this.api = new HttpApi(this, "Api", {
      description: "Perdure: events in, runs out",
      createDefaultStage: false,
      // With a domain of its own it has one address, not two.
      ...(props.domain ? { disableExecuteApiEndpoint: true } : {}),
    });
    this.#addRoutes(props);
    this.url = this.#addStage(props);
  }

  #addRoutes({ functions, eventAuth }: HttpGatewayProps): void {
    const integrations = {
      ingest: new HttpLambdaIntegration("Ingest", functions.ingest.lambda, { timeout: Duration.seconds(29) }),
      api: new HttpLambdaIntegration("Api", functions.api.lambda, { timeout: Duration.seconds(29) }),
    };
    for (const route of HTTP_ROUTES) {
      const signed = eventAuth === "iam" && route.function === "ingest";
      const authorizer: IHttpRouteAuthorizer = signed ? new HttpIamAuthorizer() : new HttpNoneAuthorizer();
      const methods = [HttpMethod[route.method]];
      const integration = integrations[route.function];
      const added = this.api.addRoutes({ path: route.path, methods, integration, authorizer });
      if (!signed) for (const one of added) acknowledge(one, "AwsSolutions::AwsSolutions-APIG4");
    }
  }

  #addStage({ throttle, logRetention, domain }: HttpGatewayProps): string {
    const logGroup = new LogGroup(this, "AccessLogs", {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const domainName = domain
      ? new DomainName(this, "Domain", { domainName: domain.name, certificate: domain.certificate })
      : null;
    new HttpStage(this, "Stage", {
      httpApi: this.api,
      stageName: "$default",
      autoDeploy: true,
      throttle,
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
      ...(domainName ? { domainMapping: { domainName } } : {}),
    });
    if (!domain || !domainName) return this.api.apiEndpoint;
    if (domain.hostedZone) {
      const { regionalDomainName, regionalHostedZoneId } = domainName;
      new ARecord(this, "Record", {
        zone: domain.hostedZone,
        recordName: domain.name,
        target: RecordTarget.fromAlias(new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId)),
      });
    }
    return `https://${domain.name}`;
  }
}
