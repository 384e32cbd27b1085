/**
 * Owns: every number that bounds an expression, and the look at its raw text that comes before any parser sees it: an
 * expression is a stranger's program, and parsers recurse.
 * Must not: judge syntax. What is not an expression but is small may pass.
 */
import { shown } from "../../sdk/error-catalogue.js";
import { expressionTooComplex, invalidExpression } from "./errors.js";

export const MAX_EXPRESSION_CHARACTERS = 1_024;
/** Brackets, operators before an operand, branches and arguments inside each other. A chain of && does not nest. */
export const MAX_DEPTH = 32;
export const MAX_NODES = 200;
/** Steps of one evaluation. Measured: 2 to 10 ms when all are spent on hostile data, 0.5 µs for an ordinary comparison. */
export const MAX_STEPS = 100_000;
/** Text an evaluation may build: twice the largest event. */
export const MAX_BUILT_CHARACTERS = 2 * 1024 * 1024;

/** Refuses text that is too long, or that opens too many brackets or prefixes inside each other. One pass, no recursion. */
export function requireBoundedText(text: string): void {
  if (typeof text !== "string") {
    // Typed as text, but manifests come from other processes and other languages.
    throw invalidExpression({ text: shown(text), position: 0, is: "it is not text", expected: "an expression" });
  }
  if (text.length > MAX_EXPRESSION_CHARACTERS) {
    const is = `it has ${text.length} characters`;
    const expected = `at most ${MAX_EXPRESSION_CHARACTERS}`;
    throw expressionTooComplex({ text, position: MAX_EXPRESSION_CHARACTERS, is, expected });
  }
  let brackets = 0;
  let prefixes = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"' || character === "'") {
      i = endOfText(text, i);
      prefixes = 0;
    } else if (character === "/" && text.charAt(i + 1) === "/") i = endOfLine(text, i);
    else if ("([{".includes(character)) brackets++;
    else if (")]}".includes(character)) brackets--;
    else if ("!-".includes(character)) prefixes++;
    else if (!" \t\r\n".includes(character)) prefixes = 0;
    if (brackets + prefixes > MAX_DEPTH) throw tooDeep(text, i);
  }
}

export function tooDeep(text: string, position: number): Error {
  return expressionTooComplex({ text, position, is: "it is nested too deep", expected: `at most ${MAX_DEPTH} levels` });
}

/** The last character of the text literal that opens at `from`, single or triple quoted, raw or not. */
function endOfText(text: string, from: number): number {
  const quote = text.charAt(from);
  const closing = text.startsWith(quote.repeat(3), from) ? quote.repeat(3) : quote;
  for (let i = from + closing.length; i < text.length; i++) {
    if (text.startsWith(closing, i)) return i + closing.length - 1;
    if (text.charAt(i) === "\\") i++;
  }
  return text.length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}
