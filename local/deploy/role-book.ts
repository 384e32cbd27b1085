/**
 * Owns: the stack's roles while policies are attached to them one by one, and the authorizer's knowledge of them.
 * Must not: evaluate.
 */
import type { IamAuthorizer, Role } from "../aws/iam/authorizer.js";
import { readPolicy, type Statement } from "../aws/iam/policy.js";
import { LOCAL_ACCOUNT } from "../platform.js";

export class RoleBook {
  readonly #iam: IamAuthorizer;
  readonly #roles = new Map<string, Role>();

  constructor(iam: IamAuthorizer) {
    this.#iam = iam;
  }

  create(name: string, trustDocument: unknown): Role {
    const trust = readPolicy(trustDocument, `${name}/trust`);
    return this.#put({ name, arn: `arn:aws:iam::${LOCAL_ACCOUNT}:role/${name}`, trust, statements: [] });
  }

  attach(roleName: string, policyName: string, document: unknown): Role | undefined {
    const role = this.#roles.get(roleName);
    if (role === undefined) return undefined;
    return this.#put({ ...role, statements: [...role.statements, ...readPolicy(document, policyName)] });
  }

  /** Gives the role other statements, as an update of the stack would. `restore` brings the template's own back. */
  change(roleName: string, change: (statements: readonly Statement[]) => readonly Statement[]): void {
    const role = this.#roles.get(roleName);
    if (role === undefined) throw new TypeError(`Cannot change role "${roleName}": the stack does not have it`);
    this.#iam.putRole({ ...role, statements: change(role.statements) });
  }

  restore(roleName: string): void {
    const role = this.#roles.get(roleName);
    if (role !== undefined) this.#iam.putRole(role);
  }

  #put(role: Role): Role {
    this.#roles.set(role.name, role);
    this.#iam.putRole(role);
    return role;
  }
}
