/** Owns: the grammar of ProjectionExpression: document paths, separated by commas. */
import { Parser } from "./parser.js";
import type { Parsed, Path } from "./syntax.js";

export function parseProjection(text: string): Parsed<readonly Path[]> {
  const parser = new Parser("ProjectionExpression", text);
  return parser.finish(parser.list(() => parser.path()));
}
