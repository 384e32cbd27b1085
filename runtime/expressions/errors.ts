/**
 * Owns: what an author is told about an expression that is refused at registration: what is wrong, and where.
 * Must not: be raised later. An expression that was accepted never throws; a failing evaluation is a value.
 */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export interface ExpressionProblem {
  text: string;
  /** Index of the character the caret points at. */
  position: number;
  is: string;
  expected: string;
}

export const invalidExpression = defineError<ExpressionProblem>({
  code: "EXPRESSION_INVALID",
  status: 400,
  retryable: false,
  message: (problem) => messageOf("read", problem),
  remedy:
    'Correct the expression at the place marked, for example: event.data.total > 100 && event.data.plan == "pro".',
});

export const expressionTooComplex = defineError<ExpressionProblem>({
  code: "EXPRESSION_TOO_COMPLEX",
  status: 400,
  retryable: false,
  message: (problem) => messageOf("accept", problem),
  remedy: "Simplify the expression, or accept more events and decide inside the function.",
});

const SHOWN_BEFORE = 60;
const SHOWN_AFTER = 40;

/** The sentence, then the line with a caret under the character. A long line is cut around it. */
function messageOf(verb: string, { text, position, is, expected }: ExpressionProblem): string {
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const nextBreak = text.indexOf("\n", position);
  const lineEnd = nextBreak === -1 ? text.length : nextBreak;
  const from = Math.max(lineStart, position - SHOWN_BEFORE);
  const to = Math.min(lineEnd, position + SHOWN_AFTER);
  const cutBefore = from > lineStart ? "…" : "";
  const cutAfter = to < lineEnd ? "…" : "";
  const line = `${cutBefore}${oneColumnEach(text.slice(from, to))}${cutAfter}`;
  const caret = `${" ".repeat(cutBefore.length + position - from)}^`;
  return `Cannot ${verb} expression ${shown(text)}: ${is}; expected ${expected}\n\n  ${line}\n  ${caret}`;
}

/** Tabs and control characters would move the caret away from what it points at, or forge lines of a log. */
function oneColumnEach(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, " ");
}
