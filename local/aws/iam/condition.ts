/**
 * Owns: the conditions of a policy statement: which operators and keys are modelled, and whether a request meets them.
 * All conditions of a statement must hold; of the values given for one key, one must fit.
 * Source: IAM user guide, "Condition operators" and "Multivalued context keys".
 * Must not: guess. An operator or key that is not modelled is refused when the policy is read, not when it is asked.
 */
import { policyNotModelled } from "./errors.js";
import { matchesArn, matchesPattern } from "./pattern.js";

/** What is known of a request beside action and resource. Names in lower case: IAM compares them without case. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

export interface Condition {
  operator: string;
  key: string;
  values: readonly string[];
}

type Comparison = (expected: string, actual: string) => boolean;

const equals: Comparison = (expected, actual) => expected === actual;

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map([
  ["StringEquals", equals],
  ["StringLike", matchesPattern],
  ["StringEqualsIgnoreCase", (expected, actual) => expected.toLowerCase() === actual.toLowerCase()],
  ["ArnEquals", matchesArn],
  ["ArnLike", matchesArn],
  ["Bool", (expected, actual) => expected.toLowerCase() === actual.toLowerCase()],
]);

/** True when no value fits; a request without the key meets these too. */
const NEGATED: ReadonlyMap<string, Comparison> = new Map([
  ["StringNotEquals", equals],
  ["StringNotLike", matchesPattern],
  ["ArnNotEquals", matchesArn],
  ["ArnNotLike", matchesArn],
]);

const KEYS: ReadonlySet<string> = new Set([
  "aws:securetransport",
  "aws:sourcearn",
  "aws:sourceaccount",
  "aws:principalarn",
  "aws:principalaccount",
  "iam:passedtoservice",
  "dynamodb:leadingkeys",
]);

const QUANTIFIER = /^(ForAllValues|ForAnyValue):(.+)$/;
const IF_EXISTS = "IfExists";

/** The `Condition` element of a statement. Throws POLICY_NOT_MODELLED for what is not modelled. */
export function readConditions(element: unknown, statement: string): Condition[] {
  return entriesOf(element).flatMap(([operator, keys]) => {
    const base = comparisonName(operator);
    if (!COMPARISONS.has(base) && !NEGATED.has(base) && base !== "Null") {
      throw policyNotModelled({ statement, problem: `condition operator "${operator}" is not modelled` });
    }
    return entriesOf(keys).map(([key, values]) => {
      if (!KEYS.has(key.toLowerCase())) {
        throw policyNotModelled({ statement, problem: `condition key "${key}" is not modelled` });
      }
      return { operator, key: key.toLowerCase(), values: (Array.isArray(values) ? values : [values]).map(String) };
    });
  });
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function comparisonName(operator: string): string {
  const plain = QUANTIFIER.exec(operator)?.[2] ?? operator;
  return plain.endsWith(IF_EXISTS) ? plain.slice(0, -IF_EXISTS.length) : plain;
}

export function meetsConditions(conditions: readonly Condition[], context: RequestContext): boolean {
  return conditions.every((condition) => meets(condition, context.get(condition.key)));
}

function meets({ operator, values }: Condition, actual: readonly string[] | undefined): boolean {
  const base = comparisonName(operator);
  if (base === "Null") return values.some((value) => (value === "true") === (actual === undefined));
  const quantifier = QUANTIFIER.exec(operator)?.[1];
  const negated = NEGATED.get(base);
  // A request without the key: met by what negates, by IfExists, and by ForAllValues, which holds for all of no values.
  if (actual === undefined)
    return negated !== undefined || operator.endsWith(IF_EXISTS) || quantifier === "ForAllValues";
  const compare = negated ?? COMPARISONS.get(base) ?? equals;
  const fits = (one: string): boolean => values.some((value) => compare(value, one)) !== (negated !== undefined);
  return quantifier === "ForAllValues" || negated !== undefined ? actual.every(fits) : actual.some(fits);
}
