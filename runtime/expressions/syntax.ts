/**
 * Owns: text → a checked tree. Syntax is the CEL library's; everything that can be known without an event is refused here,
 * with the place marked: size, depth, unknown names and functions, loops inside loops, patterns that are not linear.
 * Must not: evaluate. The library's evaluator is not used: its rules for missing fields and numbers are not the dialect's,
 * and it counts no steps.
 */
import { Environment, ParseError, type ASTNode } from "@marcbachmann/cel-js";
import { MAX_DEPTH, MAX_NODES, requireBoundedText, tooDeep } from "./bounds.js";
import { expressionTooComplex, invalidExpression } from "./errors.js";
import { FUNCTIONS, type ExpressionFunction } from "./functions.js";
import { linearPattern, type LinearPattern } from "./linear-pattern.js";
import { PatternError } from "./pattern-syntax.js";

export type BinaryOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "+" | "-" | "*" | "/" | "%";
export type LoopKind = "all" | "exists" | "exists_one" | "filter" | "map";

export type Node =
  | { op: "literal"; value: null | boolean | number | string }
  | { op: "variable"; name: string }
  | { op: "field"; target: Node; field: string }
  | { op: "index"; target: Node; index: Node }
  | { op: "has"; target: Node; field: string }
  | { op: "not" | "negate"; operand: Node }
  | { op: "and" | "or"; left: Node; right: Node }
  | { op: "if"; condition: Node; whenTrue: Node; whenFalse: Node }
  | { op: "binary"; operator: BinaryOperator; left: Node; right: Node }
  | { op: "list"; items: readonly Node[] }
  | { op: "map"; entries: readonly (readonly [Node, Node])[] }
  | { op: "call"; function: ExpressionFunction; args: readonly Node[] }
  | { op: "matches"; target: Node; pattern: LinearPattern }
  | { op: "loop"; kind: LoopKind; variable: string; list: Node; condition: Node | null; transform: Node | null };

/** Where the walk is: what it may name, how deep it is, and whether a loop is around it. */
interface Scope {
  variables: readonly string[];
  depth: number;
  inLoop: boolean;
}

interface Reading {
  text: string;
  nodes: number;
}

/** The library's own limits stand behind ours: wide enough never to speak first, narrow enough to stop a runaway. */
const parser = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxDepth: 4 * MAX_DEPTH, maxAstNodes: 4 * MAX_NODES },
});

/** The tree of an expression over these variables. Throws EXPRESSION_INVALID or EXPRESSION_TOO_COMPLEX. */
export function readExpression(text: string, variables: readonly string[]): Node {
  requireBoundedText(text);
  return convert({ text, nodes: 0 }, parse(text), { variables, depth: 0, inLoop: false });
}

function parse(text: string): ASTNode {
  try {
    return parser.parse(text).ast;
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    const position = Math.min(cause.range?.start ?? 0, text.length);
    if (cause.code === "limit_exceeded") throw tooDeep(text, position);
    const { is, expected } = explainParseError(cause, text, position);
    throw invalidExpression({ text, position, is, expected }, { cause });
  }
}

function explainParseError(error: ParseError, text: string, position: number): { is: string; expected: string } {
  if (position >= text.trimEnd().length) {
    return { is: text.trim() === "" ? "it is empty" : "it ends too early", expected: "a whole expression" };
  }
  const twice: Record<string, string> = { "=": "==", "&": "&&", "|": "||" };
  const character = text.charAt(position);
  const doubled = twice[character];
  if (error.code === "unexpected_character" && doubled !== undefined) {
    return { is: `"${character}" stands alone`, expected: `"${doubled}"` };
  }
  if (error.code === "unexpected_token" || error.code === "expected_token" || error.code === "unexpected_character") {
    const token = /^\w+|^[^\s]/.exec(text.slice(position))?.[0] ?? character;
    const afterDot = text.slice(0, position).trimEnd().endsWith(".");
    const field = `a field name of letters, digits and _, or ["${token}"] for any other`;
    return { is: `"${token}" does not fit here`, expected: afterDot ? field : "a value, a field name or an operator" };
  }
  return { is: error.summary.charAt(0).toLowerCase() + error.summary.slice(1), expected: "the syntax of CEL" };
}

function refuse({ text }: Reading, node: ASTNode, is: string, expected: string): never {
  // A method call begins with its receiver; what is wrong with it is further on, at its name.
  const position = node.op === "rcall" ? text.indexOf(node.args[0], node.args[1].end) : node.pos;
  throw invalidExpression({ text, position, is, expected });
}

function deeper(scope: Scope): Scope {
  return { ...scope, depth: scope.depth + 1 };
}

/** A left side stays on its parent's level, so that `a && b && c` and `event.data.x.y` do not count as nested. */
function convert(reading: Reading, node: ASTNode, scope: Scope): Node {
  count(reading, node);
  if (scope.depth > MAX_DEPTH) throw tooDeep(reading.text, node.pos);
  const same = (part: ASTNode): Node => convert(reading, part, scope);
  const inner = (part: ASTNode): Node => convert(reading, part, deeper(scope));
  switch (node.op) {
    case "value":
      return { op: "literal", value: literalOf(reading, node, node.args) };
    case "id":
      return variable(reading, node, node.args, scope);
    case ".":
      return { op: "field", target: same(node.args[0]), field: node.args[1] };
    case "[]":
      return { op: "index", target: same(node.args[0]), index: inner(node.args[1]) };
    case "!_":
      return { op: "not", operand: inner(node.args) };
    case "-_":
      return { op: "negate", operand: inner(node.args) };
    case "&&":
      return { op: "and", left: same(node.args[0]), right: inner(node.args[1]) };
    case "||":
      return { op: "or", left: same(node.args[0]), right: inner(node.args[1]) };
    case "?:": {
      const [condition, whenTrue, whenFalse] = node.args;
      return { op: "if", condition: inner(condition), whenTrue: inner(whenTrue), whenFalse: inner(whenFalse) };
    }
    case "list":
      return { op: "list", items: node.args.map(inner) };
    case "map":
      return { op: "map", entries: node.args.map(([key, value]) => [inner(key), inner(value)] as const) };
    case "call":
      return called(reading, node, { name: node.args[0], receiver: null, args: node.args[1] }, scope);
    case "rcall":
      return called(reading, node, { name: node.args[0], receiver: node.args[1], args: node.args[2] }, scope);
    case ".?":
    case "[?]":
      return refuse(reading, node, "optional access is not supported", "a plain one: a missing field is null anyway");
    default:
      return { op: "binary", operator: node.op, left: same(node.args[0]), right: inner(node.args[1]) };
  }
}

function count(reading: Reading, node: ASTNode): void {
  reading.nodes++;
  if (reading.nodes <= MAX_NODES) return;
  const expected = `at most ${MAX_NODES} parts`;
  throw expressionTooComplex({ text: reading.text, position: node.pos, is: "it has too many parts", expected });
}

function literalOf(reading: Reading, node: ASTNode, value: unknown): null | boolean | number | string {
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string")
    return value;
  if (value instanceof Uint8Array) return refuse(reading, node, "bytes are not supported", "a string");
  // An integer of the library (bigint, or its class for 5u). As a double it compares with what JSON holds.
  return Number(value);
}

function variable(reading: Reading, node: ASTNode, name: string, scope: Scope): Node {
  if (scope.variables.includes(name)) return { op: "variable", name };
  const hint = name === "async" ? " (async is the awaited event, known in waits and cancels only)" : "";
  return refuse(reading, node, `"${name}" is not known${hint}`, scope.variables.join(" or "));
}

interface Call {
  name: string;
  receiver: ASTNode | null;
  args: readonly ASTNode[];
}

function called(reading: Reading, node: ASTNode, call: Call, scope: Scope): Node {
  const { name, receiver, args } = call;
  if (name === "has" && receiver === null) return hasNode(reading, node, args, scope);
  if (name === "matches") return matchesNode(reading, node, receiver === null ? args : [receiver, ...args], scope);
  const kind = LOOPS.get(name);
  if (kind !== undefined && receiver !== null) return loopNode(reading, node, { kind, list: receiver, args }, scope);
  const known = FUNCTIONS.get(name);
  if (known === undefined) {
    return refuse(reading, node, `the function ${name} is not known`, `one of ${[...FUNCTIONS.keys()].join(", ")}`);
  }
  const form = receiver === null ? "call" : "method";
  if (known.form !== "both" && known.form !== form) {
    const expected = known.form === "method" ? `value.${name}(…)` : `${name}(value)`;
    return refuse(reading, node, `${name} is not called so`, expected);
  }
  const all = receiver === null ? args : [receiver, ...args];
  if (all.length !== known.arity) {
    const wanted = known.arity - (receiver === null ? 0 : 1);
    return refuse(reading, node, `${name} is given ${args.length} arguments`, String(wanted));
  }
  return { op: "call", function: known, args: all.map((arg) => convert(reading, arg, deeper(scope))) };
}

function hasNode(reading: Reading, node: ASTNode, args: readonly ASTNode[], scope: Scope): Node {
  const [argument, ...more] = args;
  if (argument?.op !== "." || more.length > 0) {
    return refuse(reading, argument ?? node, "has does not name a field", "has(event.data.field)");
  }
  count(reading, argument);
  return { op: "has", target: convert(reading, argument.args[0], deeper(scope)), field: argument.args[1] };
}

function matchesNode(reading: Reading, node: ASTNode, args: readonly ASTNode[], scope: Scope): Node {
  const [target, pattern] = args;
  if (target === undefined || pattern === undefined || args.length > 2) {
    return refuse(reading, node, "matches is not called so", 'text.matches("pattern")');
  }
  if (pattern.op !== "value" || typeof pattern.args !== "string") {
    return refuse(
      reading,
      pattern,
      "the pattern is not written out",
      "a string literal: matches takes no pattern from data",
    );
  }
  count(reading, pattern);
  try {
    const compiled = linearPattern(pattern.args);
    return { op: "matches", target: convert(reading, target, deeper(scope)), pattern: compiled };
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    return refuse(reading, pattern, `the pattern cannot be used: ${cause.message}`, "the common core of RE2's syntax");
  }
}

const LOOPS: ReadonlyMap<string, LoopKind> = new Map([
  ["all", "all"],
  ["exists", "exists"],
  ["exists_one", "exists_one"],
  ["filter", "filter"],
  ["map", "map"],
]);

interface Loop {
  kind: LoopKind;
  list: ASTNode;
  args: readonly ASTNode[];
}

function loopNode(reading: Reading, node: ASTNode, { kind, list, args }: Loop, scope: Scope): Node {
  if (scope.inLoop) {
    return refuse(reading, node, `${kind} stands inside another loop`, "one loop at a time: their costs multiply");
  }
  const [name, first, second] = args;
  const wanted = kind === "map" ? "2 or 3" : "2";
  if (name === undefined || first === undefined || args.length > (kind === "map" ? 3 : 2)) {
    return refuse(reading, node, `${kind} is given ${args.length} arguments`, wanted);
  }
  if (name.op !== "id") return refuse(reading, name, `${kind} does not begin with a name`, `list.${kind}(item, …)`);
  if (scope.variables.includes(name.args)) return refuse(reading, name, `"${name.args}" is taken`, "another name");
  const body: Scope = { variables: [...scope.variables, name.args], depth: scope.depth + 1, inLoop: true };
  const filter = kind !== "map" || second !== undefined ? convert(reading, first, body) : null;
  const transform = kind === "map" ? convert(reading, second ?? first, body) : null;
  return {
    op: "loop",
    kind,
    variable: name.args,
    list: convert(reading, list, deeper(scope)),
    condition: filter,
    transform,
  };
}
