/**
 * Owns: what names in a template stand for while it is deployed: parameters, pseudo parameters, resources made so far, conditions.
 */
import { LOCAL_ACCOUNT, LOCAL_REGION } from "../platform.js";
import { templateNotModelled } from "./errors.js";
import { evaluateCondition, type Scope } from "./intrinsics.js";
import { isObject } from "./json.js";
import type { Created, DeploymentWorld } from "./resource.js";
import type { Template } from "./template.js";

export class StackScope implements Scope {
  readonly #template: Template;
  readonly #pseudo: ReadonlyMap<string, string>;
  readonly #exports: ReadonlyMap<string, unknown>;
  readonly #created = new Map<string, Created>();

  constructor(
    template: Template,
    { stackName, stackId, exports }: Pick<DeploymentWorld, "stackName" | "stackId" | "exports">,
  ) {
    this.#template = template;
    this.#exports = exports;
    this.#pseudo = new Map([
      ["AWS::Region", LOCAL_REGION],
      ["AWS::AccountId", LOCAL_ACCOUNT],
      ["AWS::Partition", "aws"],
      ["AWS::URLSuffix", "amazonaws.com"],
      ["AWS::StackName", stackName],
      ["AWS::StackId", stackId],
    ]);
  }

  put(logicalId: string, created: Created): void {
    this.#created.set(logicalId, created);
  }

  created(logicalId: string): Created | undefined {
    return this.#created.get(logicalId);
  }

  ref(name: string): unknown {
    return this.#pseudo.get(name) ?? this.#created.get(name)?.ref ?? this.#template.parameters.get(name);
  }

  attribute(logicalId: string, name: string): unknown {
    return this.#created.get(logicalId)?.attributes[name];
  }

  condition(name: string): boolean {
    const condition = this.#template.conditions[name];
    if (condition === undefined)
      throw templateNotModelled({ place: `Conditions.${name}`, problem: "it does not exist" });
    return evaluateCondition(condition, this, `Conditions.${name}`);
  }

  /** By a stack that was deployed before this one. */
  exported(name: string): unknown {
    return this.#exports.get(name);
  }

  mapping(map: string, key: string, name: string): unknown {
    const entries = this.#template.mappings[map];
    const values = isObject(entries) ? entries[key] : undefined;
    return isObject(values) ? values[name] : undefined;
  }
}
