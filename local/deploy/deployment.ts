/**
 * Owns: deploying a synthesized stack on the embedded AWS: its resources made in dependency order from the template, its
 * functions run as processes with their own bundles, every call held against the template's roles. And changing it afterwards
 * as an update would: a worker's code, a custom resource, a role. Stacks beside it import what it exports.
 * Must not: know what the stack is for. Nothing of Perdure is named here.
 */
import type { AwsClients } from "../../runtime/aws/clients.js";
import { isPerdureError } from "../../sdk/error-catalogue.js";
import type { Clock, Random } from "../../sdk/clock.js";
import type { Caller } from "../aws/call.js";
import { EmbeddedAws } from "../aws/embedded-aws.js";
import type { AuthorizedCall } from "../aws/iam/access-request.js";
import { IamAuthorizer } from "../aws/iam/authorizer.js";
import { resourceLookup } from "../aws/iam/resource-lookup.js";
import { inProcessClients } from "../aws/in-process.js";
import { startWireServer, type WireServer } from "../aws/wire/server.js";
import type { InvocationReport } from "../lambda/lambda-function.js";
import { AnswerBox } from "./answer-box.js";
import type { StackAssembly } from "./assembly.js";
import { deploymentFailed, templateNotModelled } from "./errors.js";
import { FunctionFleet, type FleetProblem } from "./function-fleet.js";
import { GatewayPlan } from "./gateway-plan.js";
import { resolved } from "./intrinsics.js";
import { isObject } from "./json.js";
import { makerOf } from "./makers.js";
import { arn, type Created, type DeploymentWorld, type ResolvedResource } from "./resource.js";
import { requestCustomResource } from "./resources/custom.js";
import { RoleBook } from "./role-book.js";
import { SandboxBudget } from "./sandbox-budget.js";
import { StackScope } from "./stack-scope.js";
import { readTemplate, type Template, type TemplateResource } from "./template.js";

export interface DeployOptions {
  assembly: StackAssembly;
  clock: Clock;
  random: Random;
  /** The built local/lambda/child-main.ts. */
  bootstrapFile: string;
  /** Processes at one time, over all functions. */
  maxSandboxes: number;
  /** Sandboxes of one function at most, whatever the template allows it: AWS has a thousand, this machine has not. */
  functionConcurrency: number;
  /** This process's environment: PATH and the like. */
  environment: NodeJS.ProcessEnv;
  /** Told of every call that was denied, with what the caller was answered. */
  onDenied?(call: AuthorizedCall, answer: Error): void;
  onLine?(functionId: string, line: string): void;
  onReport?(report: InvocationReport): void;
  onProblem?(problem: FleetProblem): void;
}

const CLOUDFORMATION: Caller = { name: "cloudformation.amazonaws.com" };
/** AWS's own, and those who look at the stack from outside. */
const TRUSTED = [CLOUDFORMATION.name, "scheduler.amazonaws.com", "observer"];

export class DeployedStack {
  readonly world: DeploymentWorld;
  readonly #template: Template;
  readonly #scope: StackScope;
  /** Null for a stack beside the first one, which owns what they share. */
  readonly #wire: WireServer | null;

  private constructor(world: DeploymentWorld, template: Template, wire: WireServer | null) {
    this.world = world;
    this.#template = template;
    this.#scope = new StackScope(template, world);
    this.#wire = wire;
  }

  /** Deploys. Throws DEPLOYMENT_FAILED with the resource at fault, and leaves nothing running. */
  static async deploy(options: DeployOptions): Promise<DeployedStack> {
    const { world, wire } = await makeWorld(options);
    const stack = new DeployedStack(world, readTemplate(options.assembly.template), wire);
    try {
      await stack.#makeAll();
      world.gateway.open(world.fleet, world.clock, world.random);
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /**
   * Deploys another stack into the same account and region: it may import what this one exports, and its functions run beside
   * this one's. It stops with this one. Throws DEPLOYMENT_FAILED.
   */
  async deployBeside({ stackName, template, assets }: StackAssembly): Promise<DeployedStack> {
    const world: DeploymentWorld = { ...this.world, ...identityOf(stackName), assets };
    const stack = new DeployedStack(world, readTemplate(template), null);
    const api = stack.#template.resources.find(({ type }) => type.startsWith("AWS::ApiGatewayV2::"));
    if (api) throw templateNotModelled({ place: api.logicalId, problem: "a second HTTP API" });
    await stack.#makeAll();
    return stack;
  }

  /** Of the HTTP API. */
  get url(): string {
    return this.world.gateway.url;
  }

  /** Clients that see everything, for whoever looks at the stack from outside. */
  observer(): AwsClients {
    return inProcessClients(this.world.aws, { name: "observer" });
  }

  output(name: string): string {
    const output = this.#template.outputs[name];
    if (!isObject(output)) throw templateNotModelled({ place: `Outputs.${name}`, problem: "it does not exist" });
    return String(resolved(output["Value"], this.#scope, `Outputs.${name}`));
  }

  /** The name or id CloudFormation would show for a resource. */
  physicalId(logicalId: string): string {
    return this.#require(logicalId).ref;
  }

  /** The only resource of this type whose logical id fits. */
  logicalId(type: string, pattern: RegExp): string {
    const found = this.#template.resources.filter((each) => each.type === type && pattern.test(each.logicalId));
    const [only] = found;
    if (only === undefined || found.length > 1) {
      throw new TypeError(`The stack has ${found.length} resources of type ${type} with ${pattern.source} in their id`);
    }
    return only.logicalId;
  }

  /** What CloudFormation does with a custom resource whose properties changed, or when the stack is deleted. */
  async updateCustomResource(logicalId: string, type: "Update" | "Delete" = "Update"): Promise<void> {
    const resource = this.#template.resources.find((each) => each.logicalId === logicalId);
    if (resource === undefined) throw templateNotModelled({ place: logicalId, problem: "it does not exist" });
    await this.#attempt(resource, async (properties) => {
      this.#scope.put(logicalId, await requestCustomResource(properties, this.world, type, this.#require(logicalId)));
    });
  }

  async stop(): Promise<void> {
    if (this.#wire === null) return;
    await this.world.fleet.stop();
    await Promise.all([this.world.gateway.close(), this.world.answers.close(), this.#wire.close()]);
    this.world.aws.close();
  }

  #require(logicalId: string): Created {
    const created = this.#scope.created(logicalId);
    if (created === undefined) throw templateNotModelled({ place: logicalId, problem: "it was not made" });
    return created;
  }

  async #makeAll(): Promise<void> {
    for (const resource of this.#template.resources) await this.#make(resource);
    for (const [name, output] of Object.entries(this.#template.outputs)) this.#export(name, output);
  }

  #export(outputName: string, output: unknown): void {
    const place = `Outputs.${outputName}`;
    const exported = isObject(output) && isObject(output["Export"]) ? output["Export"]["Name"] : undefined;
    if (exported === undefined) return;
    const name = String(resolved(exported, this.#scope, place));
    if (this.world.exports.has(name)) {
      const reason = `Export with name ${name} is already exported by another stack`;
      throw deploymentFailed({ resource: outputName, type: "AWS::CloudFormation::Stack", reason });
    }
    this.world.exports.set(name, this.output(outputName));
  }

  async #make(resource: TemplateResource): Promise<void> {
    const { logicalId, type, condition } = resource;
    if (condition !== undefined && !this.#scope.condition(condition)) return;
    const make = makerOf(type);
    if (make === undefined) throw templateNotModelled({ place: logicalId, problem: `the resource type ${type}` });
    await this.#attempt(resource, async (properties) => {
      this.#scope.put(logicalId, await make(properties, this.world));
    });
  }

  async #attempt(resource: TemplateResource, work: (resource: ResolvedResource) => Promise<void>): Promise<void> {
    const { logicalId, type } = resource;
    const properties = resolved(resource.properties, this.#scope, logicalId);
    try {
      await work({ logicalId, type, properties: isObject(properties) ? properties : {} });
    } catch (error) {
      if (isPerdureError(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw deploymentFailed({ resource: logicalId, type, reason }, { cause: error });
    }
  }
}

function identityOf(stackName: string): Pick<DeploymentWorld, "stackName" | "stackId"> {
  return { stackName, stackId: arn("cloudformation", `stack/${stackName}/00000000-0000-4000-8000-000000000000`) };
}

async function makeWorld(options: DeployOptions): Promise<{ world: DeploymentWorld; wire: WireServer }> {
  const { clock, random, assembly, environment, bootstrapFile } = options;
  const onProblem = (problem: FleetProblem): void => options.onProblem?.(problem);
  const authorize = (call: AuthorizedCall): void => {
    try {
      iam.authorize(call);
    } catch (error) {
      if (error instanceof Error) options.onDenied?.(call, error);
      throw error;
    }
  };
  const aws: EmbeddedAws = new EmbeddedAws({ clock, random, authorize });
  const iam = new IamAuthorizer(resourceLookup(aws), TRUSTED);
  const wire = await startWireServer(aws, { onError: (problem, where) => onProblem({ where, problem }) });
  const fleet = new FunctionFleet({
    aws,
    iam,
    clock,
    random,
    budget: new SandboxBudget(options.maxSandboxes),
    bootstrapFile,
    awsUrl: wire.url,
    environment,
    onLine: (functionId, line) => options.onLine?.(functionId, line),
    onReport: (report) => options.onReport?.(report),
    onProblem,
  });
  aws.onInvoke(fleet.onSchedule);
  aws.onUndelivered((problem) => onProblem({ where: "scheduler", problem }));
  aws.serveInvocations(fleet.invoke);
  const world: DeploymentWorld = {
    ...identityOf(assembly.stackName),
    aws,
    iam,
    trusted: CLOUDFORMATION,
    clients: inProcessClients(aws, CLOUDFORMATION),
    clock,
    random,
    sqsEndpoint: wire.url,
    functionConcurrency: options.functionConcurrency,
    assets: assembly.assets,
    exports: new Map(),
    roles: new RoleBook(iam),
    fleet,
    gateway: await GatewayPlan.listen((where, problem) => onProblem({ where, problem })),
    answers: await AnswerBox.open(),
  };
  return { world, wire };
}
