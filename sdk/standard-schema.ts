/**
 * Owns: as much of Standard Schema version 1 (https://standardschema.dev) as is needed to infer a schema's types and to
 * check a value with it. zod, valibot, arktype and others provide it; none of them is a dependency.
 */

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** `value` is not used: a schema checks data here, it never changes it. */
export type SchemaResult =
  { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

export function isStandardSchema(value: unknown): value is StandardSchema {
  // arktype's schemas are functions.
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  if (typeof standard !== "object" || standard === null) return false;
  return Reflect.get(standard, "version") === 1 && typeof Reflect.get(standard, "validate") === "function";
}

const SHOWN_ISSUES = 5;
const SHOWN_ISSUE_CHARACTERS = 300;

/** What the schema has against the value as one line, or null when it fits. Rejects when the schema itself throws. */
export async function schemaIssues(schema: StandardSchema, value: unknown): Promise<string | null> {
  const { issues } = await schema["~standard"].validate(value);
  if (issues === undefined) return null;
  const lines = issues.slice(0, SHOWN_ISSUES).map(issueText);
  const more = issues.length > SHOWN_ISSUES ? `, and ${issues.length - SHOWN_ISSUES} more` : "";
  return `${issues.length === 1 ? "1 issue" : `${issues.length} issues`}: ${lines.join(", ")}${more}`;
}

function issueText({ message, path }: SchemaIssue): string {
  const at = (path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".");
  const text = at === "" ? message : `${at}: ${message}`;
  return text.replaceAll(/\s+/g, " ").slice(0, SHOWN_ISSUE_CHARACTERS);
}

/**
 * Types without a library: types `event.data`, checks nothing at run time.
 *
 * @example
 * const userCreated = eventType("app/user.created", { schema: staticSchema<{ userId: string }>() });
 */
export function staticSchema<Data>(): StandardSchema<Data> {
  return { "~standard": { version: 1, vendor: "perdure", validate: (value) => ({ value }) } };
}
