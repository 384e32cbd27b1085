/** Owns: cutting an expression's text into tokens. Must not: know any grammar. */

export type TokenKind = "identifier" | "placeholder" | "value" | "number" | "symbol" | "unknown" | "end";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PATTERN =
  /\s+|([A-Za-z][A-Za-z0-9_]*)|(#[A-Za-z0-9_]+)|(:[A-Za-z0-9_]+)|([0-9]+)|(<>|<=|>=|[=<>(),.[\]+-])|(.)/gsu;

export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  for (const match of expression.matchAll(PATTERN)) {
    const kind = kindOf(match);
    if (kind === undefined) continue;
    tokens.push({ kind, text: match[0], start: match.index, end: match.index + match[0].length });
  }
  tokens.push({ kind: "end", text: "<EOF>", start: expression.length, end: expression.length });
  return tokens;
}

function kindOf(match: RegExpExecArray): TokenKind | undefined {
  const [, identifier, placeholder, value, number, symbol, unknown] = match;
  if (identifier !== undefined) return "identifier";
  if (placeholder !== undefined) return "placeholder";
  if (value !== undefined) return "value";
  if (number !== undefined) return "number";
  if (symbol !== undefined) return "symbol";
  return unknown === undefined ? undefined : "unknown";
}
