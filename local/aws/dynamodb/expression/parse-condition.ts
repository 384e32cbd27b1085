/**
 * Owns: the grammar of ConditionExpression, FilterExpression and KeyConditionExpression.
 * NOT binds tighter than AND, AND tighter than OR; BETWEEN takes its own AND.
 */
import { Parser } from "./parser.js";
import type { Comparator, Condition, ExpressionKind, Operand, Parsed, Path } from "./syntax.js";

const MAX_IN_OPERANDS = 100;
const COMPARATORS: Readonly<Record<string, Comparator>> = {
  "=": "=",
  "<>": "<>",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

/** How many operands each function takes that answers true or false. */
const FUNCTIONS: ReadonlyMap<string, number> = new Map([
  ["attribute_exists", 1],
  ["attribute_not_exists", 1],
  ["attribute_type", 2],
  ["begins_with", 2],
  ["contains", 2],
]);
const UPDATE_FUNCTIONS: ReadonlySet<string> = new Set(["if_not_exists", "list_append"]);

export function parseCondition(kind: ExpressionKind, text: string): Parsed<Condition> {
  const parser = new Parser(kind, text);
  return parser.finish(parseOr(parser));
}

function parseOr(parser: Parser): Condition {
  let left = parseAnd(parser);
  while (parser.takeKeyword("OR")) left = { kind: "or", left, right: parseAnd(parser) };
  return left;
}

function parseAnd(parser: Parser): Condition {
  let left = parseNot(parser);
  while (parser.takeKeyword("AND")) left = { kind: "and", left, right: parseNot(parser) };
  return left;
}

function parseNot(parser: Parser): Condition {
  if (parser.takeKeyword("NOT")) return { kind: "not", inner: parseNot(parser) };
  return parser.isSymbol("(") ? parseParentheses(parser) : parsePredicate(parser);
}

function parseParentheses(parser: Parser): Condition {
  const start = parser.mark();
  parser.expectSymbol("(");
  const inner = parseOr(parser);
  // `((a) OR b)` is fine, `((a OR b))` is not: the inner pair fills the outer one.
  if (parser.isGroup(start + 1, parser.mark())) throw parser.invalid("The expression has redundant parentheses;");
  parser.expectSymbol(")");
  parser.noteGroup(start);
  return inner;
}

function parsePredicate(parser: Parser): Condition {
  if (parser.atFunction() && parser.peek().text !== "size") return parseFunction(parser);
  const left = parseOperand(parser);
  if (parser.takeKeyword("BETWEEN")) {
    const lower = parseOperand(parser);
    if (!parser.takeKeyword("AND")) throw parser.syntaxError();
    return { kind: "between", operand: left, lower, upper: parseOperand(parser) };
  }
  if (parser.takeKeyword("IN")) return parseIn(parser, left);
  const operator = COMPARATORS[parser.peek().text];
  if (operator === undefined) throw parser.syntaxError();
  parser.next();
  return { kind: "compare", operator, left, right: parseOperand(parser) };
}

function parseIn(parser: Parser, operand: Operand): Condition {
  parser.expectSymbol("(");
  const candidates = parser.list(() => parseOperand(parser));
  parser.expectSymbol(")");
  if (candidates.length > MAX_IN_OPERANDS) {
    throw parser.invalid(
      `The IN operator is provided with too many operands; number of operands: ${candidates.length}`,
    );
  }
  return { kind: "in", operand, candidates };
}

function parseOperand(parser: Parser): Operand {
  if (parser.peek().kind === "value") return { kind: "value", name: parser.takeValue() };
  if (!parser.atFunction()) return { kind: "path", path: parser.path() };
  const name = parser.next().text;
  if (name !== "size") throw misplacedFunction(parser, name);
  const [of, ...rest] = parseOperands(parser);
  if (of === undefined || rest.length > 0) throw wrongOperandCount(parser, name, rest.length + 1);
  return { kind: "size", of };
}

function misplacedFunction(parser: Parser, name: string): Error {
  if (UPDATE_FUNCTIONS.has(name)) {
    return parser.invalid(`The function is not allowed in a condition expression; function: ${name}`);
  }
  if (!FUNCTIONS.has(name)) return parser.invalid(`Invalid function name; function: ${name}`);
  return parser.invalid(`The function is not allowed to be used this way in an expression; function: ${name}`);
}

function wrongOperandCount(parser: Parser, name: string, count: number): Error {
  return parser.invalid(
    `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${count}`,
  );
}

function parseOperands(parser: Parser): Operand[] {
  parser.expectSymbol("(");
  const operands = parser.list(() => parseOperand(parser));
  parser.expectSymbol(")");
  return operands;
}

function parseFunction(parser: Parser): Condition {
  const name = parser.next().text;
  const expected = FUNCTIONS.get(name);
  if (expected === undefined) throw misplacedFunction(parser, name);
  const [first, second, ...rest] = parseOperands(parser);
  const count = rest.length + (second === undefined ? 1 : 2);
  if (first === undefined || count !== expected) throw wrongOperandCount(parser, name, count);
  if (second === undefined) return existence(parser, name, first);
  switch (name) {
    case "attribute_type":
      return { kind: "attribute_type", path: requirePath(parser, name, first), type: second };
    case "begins_with":
      return { kind: "begins_with", operand: first, prefix: second };
    default:
      return { kind: "contains", operand: first, element: second };
  }
}

function existence(parser: Parser, name: string, operand: Operand): Condition {
  const kind = name === "attribute_exists" ? "attribute_exists" : "attribute_not_exists";
  return { kind, path: requirePath(parser, name, operand) };
}

function requirePath(parser: Parser, name: string, operand: Operand): Path {
  if (operand.kind === "path") return operand.path;
  throw parser.invalid(`Operator or function requires a document path; operator or function: ${name}`);
}
