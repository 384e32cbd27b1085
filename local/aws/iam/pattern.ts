/**
 * Owns: IAM's wildcards: `*` for any run of characters, `?` for one. Actions are compared without case, all else with it.
 * Source: IAM user guide, "IAM JSON policy elements: Resource".
 */

const compiled = new Map<string, RegExp>();
/** Policies are few and fixed; a bound keeps a mistake from becoming a leak. */
const MAX_COMPILED = 2_000;

export function matchesPattern(pattern: string, value: string): boolean {
  if (pattern === "*") return true;
  if (!/[*?]/.test(pattern)) return pattern === value;
  return expressionOf(pattern).test(value);
}

function expressionOf(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`, "s");
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(pattern, expression);
  return expression;
}

export function matchesAction(pattern: string, action: string): boolean {
  return matchesPattern(pattern.toLowerCase(), action.toLowerCase());
}

/** An ARN is compared part by part: a `*` in one of the first five parts does not reach over a colon. */
export function matchesArn(pattern: string, arn: string): boolean {
  if (pattern === "*") return true;
  const [patterns, parts] = [splitArn(pattern), splitArn(arn)];
  if (patterns.length !== parts.length) return false;
  return patterns.every((part, index) => matchesPattern(part, parts[index] ?? ""));
}

const ARN_PARTS = 6;

function splitArn(arn: string): string[] {
  const parts = arn.split(":");
  return [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(":")];
}
