/** Owns: the grammar of UpdateExpression: SET, REMOVE, ADD and DELETE, each at most once, in any order. */
import { Parser } from "./parser.js";
import type { Parsed, Path, SetTerm, SetValue, Update } from "./syntax.js";

type Section = "SET" | "REMOVE" | "ADD" | "DELETE";
const SECTIONS: readonly Section[] = ["SET", "REMOVE", "ADD", "DELETE"];
const CONDITION_FUNCTIONS: ReadonlySet<string> = new Set([
  "attribute_exists",
  "attribute_not_exists",
  "attribute_type",
  "begins_with",
  "contains",
  "size",
]);

export function parseUpdate(text: string): Parsed<Update> {
  const parser = new Parser("UpdateExpression", text);
  const seen = new Set<Section>();
  let update: Update = { set: [], remove: [], add: [], delete: [] };
  do {
    const section = SECTIONS.find((candidate) => parser.isKeyword(candidate));
    if (section === undefined) throw parser.syntaxError();
    parser.next();
    if (seen.has(section)) {
      throw parser.invalid(`The "${section}" section can only be used once in an update expression;`);
    }
    seen.add(section);
    update = { ...update, ...parseSection(parser, section) };
  } while (parser.peek().kind !== "end");
  return parser.finish(update);
}

function parseSection(parser: Parser, section: Section): Partial<Update> {
  switch (section) {
    case "SET":
      return { set: parser.list(() => parseAssignment(parser)) };
    case "REMOVE":
      return { remove: parser.list(() => parser.path()) };
    case "ADD":
      return { add: parser.list(() => ({ path: parser.path(), value: parser.takeValue() })) };
    case "DELETE":
      return { delete: parser.list(() => ({ path: parser.path(), value: parser.takeValue() })) };
  }
}

function parseAssignment(parser: Parser): { path: Path; value: SetValue } {
  const path = parser.path();
  parser.expectSymbol("=");
  const left = parseTerm(parser);
  const operator = parser.takeSymbol("+") ? "+" : parser.takeSymbol("-") ? "-" : undefined;
  if (operator === undefined) return { path, value: { kind: "term", term: left } };
  return { path, value: { kind: "arithmetic", operator, left, right: parseTerm(parser) } };
}

function parseTerm(parser: Parser): SetTerm {
  if (parser.peek().kind === "value") return { kind: "value", name: parser.takeValue() };
  if (!parser.atFunction()) return { kind: "path", path: parser.path() };
  const name = parser.next().text;
  if (name !== "if_not_exists" && name !== "list_append") {
    if (CONDITION_FUNCTIONS.has(name)) {
      throw parser.invalid(`The function is not allowed in an update expression; function: ${name}`);
    }
    throw parser.invalid(`Invalid function name; function: ${name}`);
  }
  parser.expectSymbol("(");
  const [first, second, ...rest] = parser.list(() => parseTerm(parser));
  parser.expectSymbol(")");
  if (first === undefined || second === undefined || rest.length > 0) {
    const count = rest.length + (second === undefined ? 1 : 2);
    throw parser.invalid(
      `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${count}`,
    );
  }
  if (name === "list_append") return { kind: "list_append", first, second };
  if (first.kind !== "path") {
    throw parser.invalid(`Operator or function requires a document path; operator or function: ${name}`);
  }
  return { kind: "if_not_exists", path: first.path, otherwise: second };
}
