/**
 * Owns: the decision whether a caller may: its role's policies and the resource's own, evaluated as IAM does within one account
 * (an explicit deny wins; otherwise one allow, of either kind, is enough); and the record of what each statement allowed.
 * Must not: know what a call does. It sees names of actions and resources.
 */
import type { Caller } from "../call.js";
import { AwsServiceError, type ServiceName } from "../model.js";
import {
  accessRequestsOf,
  BASE_CONTEXT,
  type AccessRequest,
  type AuthorizedCall,
  type ResourceLookup,
} from "./access-request.js";
import { meetsConditions, type RequestContext } from "./condition.js";
import { accessDenied, unknownCredentials, type DenialReason } from "./denied.js";
import { matchesAction, matchesPattern } from "./pattern.js";
import type { Statement } from "./policy.js";

export interface Role {
  name: string;
  arn: string;
  /** Who may assume it. */
  trust: readonly Statement[];
  statements: readonly Statement[];
}

/** What one statement of a role allowed so far. */
export interface StatementUse {
  role: string;
  statement: Statement;
  /** The statement's own entries that nothing needed yet. */
  unusedActions: string[];
  unusedResources: string[];
}

interface Use {
  actions: Set<string>;
  resources: Set<string>;
}

export class IamAuthorizer {
  readonly #lookup: ResourceLookup;
  readonly #roles = new Map<string, Role>();
  /** Caller's name → its role's ARN. */
  readonly #callers = new Map<string, string>();
  readonly #trusted: ReadonlySet<string>;
  readonly #resourcePolicies = new Map<string, readonly Statement[]>();
  readonly #uses = new Map<Statement, Use>();

  /** `trusted`: callers that stand for AWS itself or for whoever deploys, and are not asked. */
  constructor(lookup: ResourceLookup, trusted: readonly string[]) {
    this.#lookup = lookup;
    this.#trusted = new Set(trusted);
  }

  /** Adds a role, or replaces it: what has been used is remembered by statement, so a new one begins unused. */
  putRole(role: Role): void {
    this.#roles.set(role.arn, role);
  }

  role(arn: string): Role | undefined {
    return this.#roles.get(arn);
  }

  /** From now on calls under this name are made with this role. */
  assign(callerName: string, roleArn: string): void {
    this.#callers.set(callerName, roleArn);
  }

  putResourcePolicy(resourceArn: string, statements: readonly Statement[]): void {
    this.#resourcePolicies.set(resourceArn, statements);
  }

  /** Returns when the caller may do all that the call asks for. Throws the service's own AccessDenied otherwise. */
  authorize(call: AuthorizedCall): void {
    const isTrusted = call.caller.roleArn === undefined && this.#trusted.has(call.caller.name);
    if (!isTrusted) this.#requireAll(call);
    if (call.service === "scheduler") this.#requireSchedulerTrust(call);
  }

  /** Whether a role's own policies allow one action on one resource. Counts as a use, as a call would. */
  permits(roleArn: string, action: string, resource: string, context: RequestContext = BASE_CONTEXT): boolean {
    const role = this.#roles.get(roleArn);
    return role !== undefined && this.#denial(role, { action, resource, context }) === undefined;
  }

  /** Whether a service may assume the role, as its trust policy says. */
  mayAssume(roleArn: string, service: string, context: RequestContext): boolean {
    const trust = this.#roles.get(roleArn)?.trust ?? [];
    const asks = (statement: Statement): boolean =>
      statement.principals.includes(`service:${service}`) &&
      statement.actions.some((pattern) => matchesAction(pattern, "sts:AssumeRole")) &&
      meetsConditions(statement.conditions, context);
    const asked = trust.filter(asks);
    return asked.length > 0 && asked.every(({ effect }) => effect === "Allow");
  }

  /** Every allowing statement of every role, with the entries nothing has needed. */
  uses(): StatementUse[] {
    return [...this.#roles.values()].flatMap((role) =>
      role.statements
        .filter(({ effect }) => effect === "Allow")
        .map((statement) => {
          const use = this.#uses.get(statement);
          return {
            role: role.name,
            statement,
            unusedActions: statement.actions.filter((action) => use?.actions.has(action) !== true),
            unusedResources: statement.resources.filter((resource) => use?.resources.has(resource) !== true),
          };
        }),
    );
  }

  #requireAll(call: AuthorizedCall): void {
    const role = this.#roleOf(call.caller);
    if (role === undefined) throw unknownCredentials();
    for (const request of accessRequestsOf(call, this.#lookup)) this.#require(call, role, request);
  }

  /** Scheduler makes no schedule whose role it could not assume. */
  #requireSchedulerTrust({ input, operation }: AuthorizedCall): void {
    const target = input["Target"];
    if (typeof target !== "object" || target === null || !("RoleArn" in target)) return;
    const { region, account } = this.#lookup;
    const group = `arn:aws:scheduler:${region}:${account}:schedule-group/${String(input["GroupName"] ?? "default")}`;
    const context: RequestContext = new Map([
      ...BASE_CONTEXT,
      ["aws:sourceaccount", [account]],
      ["aws:sourcearn", [group]],
    ]);
    if (this.mayAssume(String(target.RoleArn), "scheduler.amazonaws.com", context)) return;
    throw new AwsServiceError(
      "ValidationException",
      `The execution role you provide must allow AWS EventBridge Scheduler to assume the role. (${operation})`,
    );
  }

  #roleOf(caller: Caller): Role | undefined {
    return this.#roles.get(caller.roleArn ?? this.#callers.get(caller.name) ?? "");
  }

  #require(call: { service: ServiceName; caller: Caller }, role: Role, request: AccessRequest): void {
    const reason = this.#denial(role, request);
    if (reason === undefined) return;
    const session = call.caller.sandboxId ?? call.caller.name;
    const principalArn = `arn:aws:sts::${this.#lookup.account}:assumed-role/${role.name}/${session}`;
    throw accessDenied(call.service, { principalArn, action: request.action, resource: request.resource, reason });
  }

  #denial(role: Role, request: AccessRequest): DenialReason | undefined {
    const ofResource = (this.#resourcePolicies.get(ownerOf(request.resource)) ?? []).filter(
      ({ principals }) => principals.includes("*") || principals.includes(role.arn),
    );
    const identity = role.statements.filter((statement) => applies(statement, request));
    const resource = ofResource.filter((statement) => applies(statement, request));
    if (identity.some(({ effect }) => effect === "Deny")) return "explicit deny in an identity-based policy";
    if (resource.some(({ effect }) => effect === "Deny")) return "explicit deny in a resource-based policy";
    for (const statement of identity) this.#note(statement, request);
    return identity.length + resource.length > 0 ? undefined : "no identity-based policy allows";
  }

  #note(statement: Statement, request: AccessRequest): void {
    let use = this.#uses.get(statement);
    if (use === undefined) this.#uses.set(statement, (use = { actions: new Set(), resources: new Set() }));
    for (const action of statement.actions) if (matchesAction(action, request.action)) use.actions.add(action);
    for (const resource of statement.resources) {
      if (matchesPattern(resource, request.resource)) use.resources.add(resource);
    }
  }
}

/** Whose policy speaks for a resource: an object's is its bucket's. */
function ownerOf(resource: string): string {
  return resource.startsWith("arn:aws:s3:::") ? (resource.split("/")[0] ?? resource) : resource;
}

function applies(statement: Statement, request: AccessRequest): boolean {
  return (
    statement.actions.some((pattern) => matchesAction(pattern, request.action)) &&
    statement.resources.some((pattern) => matchesPattern(pattern, request.resource)) &&
    meetsConditions(statement.conditions, request.context)
  );
}
