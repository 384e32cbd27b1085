/**
 * Owns: where text stops being JSON, and why, for text the parser has refused. Runs on that path only.
 * Must not: recurse or decide anything: `JSON.parse` alone says whether text is JSON; this explains its no.
 */
import { shown } from "../../sdk/error-catalogue.js";

export interface JsonError {
  offset: number;
  is: string;
  expected: string;
}

/** What may come next: the position inside the innermost array or object. */
type Expecting = "value" | "value or ]" | "name or }" | "name" | ":" | ", or ]" | ", or }" | "end";

const WHITE_SPACE = " \t\n\r";
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const EXPECTED: Record<Expecting, string> = {
  value: "a value",
  "value or ]": 'a value or "]"',
  "name or }": 'a member name in double quotes or "}"',
  name: "a member name in double quotes",
  ":": '":" after the member name',
  ", or ]": '"," or "]"',
  ", or }": '"," or "}"',
  end: "the end of the text after one value",
};

/** The first character that cannot continue a JSON text. */
export function findJsonError(text: string): JsonError {
  const open: string[] = [];
  let expecting: Expecting = "value";
  for (let i = 0; i < text.length;) {
    const character = text.charAt(i);
    if (WHITE_SPACE.includes(character)) {
      i++;
      continue;
    }
    const step = stepOver(text, i, expecting);
    if (typeof step !== "number") return step;
    if (character === "[" || character === "{") open.push(character);
    if (character === "]" || character === "}") open.pop();
    expecting = expectedAfter(character, expecting, open.at(-1));
    i = step;
  }
  return { offset: text.length, is: "the text ends", expected: EXPECTED[expecting] };
}

/** What may follow the token that begins with `character`; `innermost` is what is open after it. */
function expectedAfter(character: string, before: Expecting, innermost: string | undefined): Expecting {
  if (character === "[") return "value or ]";
  if (character === "{") return "name or }";
  if (character === ":") return "value";
  if (character === ",") return innermost === "[" ? "value" : "name";
  const wasName = character === '"' && (before === "name" || before === "name or }");
  if (wasName) return ":";
  if (innermost === undefined) return "end";
  return innermost === "[" ? ", or ]" : ", or }";
}

/** Where the next token begins, or what is wrong with the one at `from`. */
function stepOver(text: string, from: number, expecting: Expecting): number | JsonError {
  const character = text.charAt(from);
  const wantsValue = expecting === "value" || expecting === "value or ]";
  const wantsName = expecting === "name" || expecting === "name or }";
  if (character === '"' && (wantsValue || wantsName)) return stepOverString(text, from);
  if (wantsValue && (character === "[" || character === "{")) return from + 1;
  // The punctuation that may come is spelled in the name of the state itself.
  if (",:".includes(character) && expecting.startsWith(character)) return from + 1;
  if ("]}".includes(character) && expecting.endsWith(character)) return from + 1;
  if (wantsValue) {
    const word = matchAt(WORD, text, from);
    if (word === "true" || word === "false" || word === "null") return from + word.length;
    const number = matchAt(NUMBER, text, from);
    if (number !== "") return from + number.length;
  }
  return { offset: from, is: `it is ${tokenShown(text, from)}`, expected: EXPECTED[expecting] };
}

function stepOverString(text: string, from: number): number | JsonError {
  for (let i = from + 1; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"') return i + 1;
    if (character < " ") {
      const is = `a string holds the control character ${shown(character)}`;
      return { offset: i, is, expected: "it to be escaped, for example \\n or \\u0000" };
    }
    if (character !== "\\") continue;
    const escape = /^(?:["\\/bfnrt]|u[\da-fA-F]{4})/.exec(text.slice(i + 1, i + 6))?.[0];
    if (escape === undefined) {
      const is = `a string holds ${shown(text.slice(i, i + 2))}`;
      return { offset: i, is, expected: 'one of the escapes \\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000' };
    }
    i += escape.length;
  }
  return { offset: text.length, is: "the text ends", expected: "a double quote that closes the string" };
}

function matchAt(pattern: RegExp, text: string, from: number): string {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? "";
}

const MAX_SHOWN_WORD_CHARACTERS = 20;

/** A whole word where there is one ("undefined", "NaN"), else one character. */
function tokenShown(text: string, from: number): string {
  const word = matchAt(WORD, text, from).slice(0, MAX_SHOWN_WORD_CHARACTERS);
  return shown(word === "" ? String.fromCodePoint(text.codePointAt(from) ?? 0) : word);
}
