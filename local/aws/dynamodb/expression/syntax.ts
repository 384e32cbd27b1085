/**
 * Owns: what an expression is once parsed. Parsed forms depend on the expression's text alone (names and values stay
 * placeholders), so one parse serves every call with that text.
 */

/** A step into a document: an attribute's name, a `#placeholder` for one, or a list index. */
export type PathStep =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "placeholder"; readonly name: string }
  | { readonly kind: "index"; readonly index: number };

export type Path = readonly PathStep[];

/** A path whose placeholders are replaced: names are strings, list indexes numbers. */
export type ResolvedPath = readonly (string | number)[];

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly name: string }
  | { readonly kind: "size"; readonly of: Operand };

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type Condition =
  | { readonly kind: "and"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "or"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "not"; readonly inner: Condition }
  | { readonly kind: "compare"; readonly operator: Comparator; readonly left: Operand; readonly right: Operand }
  | { readonly kind: "between"; readonly operand: Operand; readonly lower: Operand; readonly upper: Operand }
  | { readonly kind: "in"; readonly operand: Operand; readonly candidates: readonly Operand[] }
  | { readonly kind: "attribute_exists"; readonly path: Path }
  | { readonly kind: "attribute_not_exists"; readonly path: Path }
  | { readonly kind: "attribute_type"; readonly path: Path; readonly type: Operand }
  | { readonly kind: "begins_with"; readonly operand: Operand; readonly prefix: Operand }
  | { readonly kind: "contains"; readonly operand: Operand; readonly element: Operand };

export type SetTerm =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly name: string }
  | { readonly kind: "if_not_exists"; readonly path: Path; readonly otherwise: SetTerm }
  | { readonly kind: "list_append"; readonly first: SetTerm; readonly second: SetTerm };

export type SetValue =
  | { readonly kind: "term"; readonly term: SetTerm }
  | { readonly kind: "arithmetic"; readonly operator: "+" | "-"; readonly left: SetTerm; readonly right: SetTerm };

export interface Update {
  readonly set: readonly { readonly path: Path; readonly value: SetValue }[];
  readonly remove: readonly Path[];
  readonly add: readonly { readonly path: Path; readonly value: string }[];
  readonly delete: readonly { readonly path: Path; readonly value: string }[];
}

/** The parameter an expression came in; every message about it begins with it. */
export type ExpressionKind =
  "ConditionExpression" | "FilterExpression" | "KeyConditionExpression" | "ProjectionExpression" | "UpdateExpression";

export interface Parsed<Root> {
  readonly kind: ExpressionKind;
  readonly root: Root;
  /** Every `#name` and `:value` that occurs, each once. */
  readonly names: readonly string[];
  readonly values: readonly string[];
}
