/**
 * Owns: what the stack's roles allow and nothing needed, or allow of everything at once, by role and statement; and what may
 * stay unneeded in a test, each with its reason.
 */
import type { Stage } from "./stage.js";

/** Statement's Sid → why nothing needs it while everything goes well. */
const EXPECTED_UNUSED: readonly { role: RegExp; permission: RegExp; because: string }[] = [
  {
    role: /Role/,
    permission: / WriteLogs: /,
    because: "a function that has nothing to report prints nothing",
  },
];

/** A wildcard that stands for a whole name: whatever is needed of it, it allows the rest too. */
const TOO_WIDE = /^\*$|:\*$/;

/** "<role> <statement>: <action or resource>" for all that was not needed, or is too wide, and is not expected to be. */
export function unusedPermissions({ stack }: Stage): string[] {
  return stack.world.iam.uses().flatMap(({ role, statement, unusedActions, unusedResources }) => {
    const name = statement.id.replace(/^.*\] /, "");
    const tooWide = [...statement.actions, ...statement.resources].filter((entry) => TOO_WIDE.test(entry));
    return [...new Set([...unusedActions, ...unusedResources, ...tooWide])]
      .map((unused) => ({ permission: `${role} ${name}: ${unused}`, role }))
      .filter(
        (found) =>
          !EXPECTED_UNUSED.some((each) => each.role.test(found.role) && each.permission.test(found.permission)),
      )
      .map(({ permission }) => permission);
  });
}
