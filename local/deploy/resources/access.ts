/** Owns: making roles and the policies attached to them. */
import { AwsServiceError, NotModelledError } from "../../aws/model.js";
import { physicalName, propertiesOf, type Maker } from "../resource.js";

const MAX_NAME = 64;

export const makeRole: Maker = (resource, world) => {
  const known = ["RoleName", "Description", "AssumeRolePolicyDocument", "Policies", "ManagedPolicyArns", "Tags"];
  const properties = propertiesOf(resource, known);
  const managed = properties.texts("ManagedPolicyArns") ?? [];
  if (managed.length > 0) throw new NotModelledError(`Managed policies are not modelled: ${managed.join(", ")}`);
  const name = properties.text("RoleName") ?? physicalName(world, resource.logicalId, MAX_NAME);
  const { arn } = world.roles.create(name, properties.raw("AssumeRolePolicyDocument"));
  for (const policy of properties.structures("Policies", ["PolicyName", "PolicyDocument"]) ?? []) {
    world.roles.attach(name, `${resource.logicalId}/${policy.requireText("PolicyName")}`, policy.raw("PolicyDocument"));
  }
  return { ref: name, attributes: { Arn: arn, RoleId: `AROA${name.slice(-12)}` } };
};

export const makePolicy: Maker = (resource, world) => {
  const properties = propertiesOf(resource, ["PolicyName", "PolicyDocument", "Roles"]);
  for (const roleName of properties.texts("Roles") ?? []) {
    const role = world.roles.attach(roleName, resource.logicalId, properties.raw("PolicyDocument"));
    if (role === undefined)
      throw new AwsServiceError("NoSuchEntity", `The role with name ${roleName} cannot be found.`);
  }
  return { ref: resource.logicalId, attributes: { Id: resource.logicalId } };
};
