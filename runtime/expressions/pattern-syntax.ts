/**
 * Owns: the text of a regular expression → its parts. Syntax outside of RE2's common core is refused by name.
 * Must not: match anything.
 */

export type CharacterTest = (codePoint: number) => boolean;
export type Assertion = "start" | "end" | "line start" | "line end" | "word edge" | "no word edge";

export type Pattern =
  | { kind: "take"; accepts: CharacterTest }
  | { kind: "assert"; assertion: Assertion }
  | { kind: "sequence"; parts: readonly Pattern[] }
  | { kind: "choice"; options: readonly Pattern[] }
  | { kind: "repeat"; body: Pattern; min: number; max: number | null };

/** Why a pattern is refused; the caller says where the pattern itself stands. */
export class PatternError extends Error {}

const MAX_GROUP_DEPTH = 32;
const MAX_REPEAT = 100;

const isDigit: CharacterTest = (code) => code >= 0x30 && code <= 0x39;
const isWord: CharacterTest = (code) =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
/** RE2's \s: tab, line feed, form feed, carriage return, space. */
const isSpace: CharacterTest = (code) =>
  code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0c || code === 0x0d;
const not =
  (test: CharacterTest): CharacterTest =>
  (code) =>
    !test(code);

const CLASSES: ReadonlyMap<string, CharacterTest> = new Map([
  ["d", isDigit],
  ["D", not(isDigit)],
  ["w", isWord],
  ["W", not(isWord)],
  ["s", isSpace],
  ["S", not(isSpace)],
]);
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["n", 0x0a],
  ["t", 0x09],
  ["r", 0x0d],
  ["f", 0x0c],
  ["v", 0x0b],
  ["a", 0x07],
]);

interface Reader {
  source: string;
  position: number;
  ignoreCase: boolean;
  dotTakesNewline: boolean;
  multiline: boolean;
  /** Parts that repetition has made so far, held against the limit before anything is built. */
  maxSize: number;
}

/** The parts of a pattern that is worth at most `maxSize` instructions. */
export function parsePattern(source: string, maxSize: number): Pattern {
  const flags = /^\(\?([ims]+)\)/.exec(source);
  const has = (flag: string): boolean => flags?.[1]?.includes(flag) ?? false;
  const reader: Reader = {
    source,
    position: flags?.[0].length ?? 0,
    ignoreCase: has("i"),
    dotTakesNewline: has("s"),
    multiline: has("m"),
    maxSize,
  };
  const { pattern, size } = readChoice(reader, 0);
  if (reader.position < source.length) throw new PatternError('")" closes no group');
  requireSize(reader, size);
  return pattern;
}

/** A part and the number of instructions it will become. */
interface Sized {
  pattern: Pattern;
  size: number;
}

function requireSize(reader: Reader, size: number): void {
  if (size > reader.maxSize) throw new PatternError(`its repetitions are worth more than ${reader.maxSize} steps`);
}

function readChoice(reader: Reader, depth: number): Sized {
  if (depth > MAX_GROUP_DEPTH) throw new PatternError(`its groups are nested more than ${MAX_GROUP_DEPTH} deep`);
  const options = [readSequence(reader, depth)];
  while (reader.source.charAt(reader.position) === "|") {
    reader.position++;
    options.push(readSequence(reader, depth));
  }
  const size = options.reduce((sum, option) => sum + option.size + 2, 0);
  const [only] = options;
  if (options.length === 1 && only !== undefined) return only;
  return { pattern: { kind: "choice", options: options.map(({ pattern }) => pattern) }, size };
}

function readSequence(reader: Reader, depth: number): Sized {
  const parts: Pattern[] = [];
  let size = 0;
  while (reader.position < reader.source.length && !"|)".includes(reader.source.charAt(reader.position))) {
    const part = readRepeats(reader, readAtom(reader, depth));
    parts.push(part.pattern);
    size += part.size;
  }
  return { pattern: { kind: "sequence", parts }, size };
}

function readRepeats(reader: Reader, atom: Sized): Sized {
  const repeat = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/.exec(reader.source.slice(reader.position));
  if (repeat === null) return atom;
  const [written, minText, comma, maxText] = repeat;
  reader.position += written.length;
  if (/^[*+?]|^\{\d/.test(reader.source.slice(reader.position))) throw new PatternError("a repetition is repeated");
  const simple: Record<string, [number, number | null]> = { "*": [0, null], "+": [1, null], "?": [0, 1] };
  const counted: [number, number | null] = [
    Number(minText),
    comma === undefined ? Number(minText) : maxText === "" ? null : Number(maxText),
  ];
  const [min, max] = simple[written.charAt(0)] ?? counted;
  if (Math.max(min, max ?? 0) > MAX_REPEAT) throw new PatternError(`it repeats more than ${MAX_REPEAT} times`);
  if (max !== null && max < min) throw new PatternError(`the repetition ${written} runs backwards`);
  const size = (atom.size + 2) * Math.max(1, max ?? min + 1);
  requireSize(reader, size);
  return { pattern: { kind: "repeat", body: atom.pattern, min, max }, size };
}

function readAtom(reader: Reader, depth: number): Sized {
  const character = nextCharacter(reader);
  switch (character) {
    case "(":
      return readGroup(reader, depth);
    case "[":
      return take(readClass(reader));
    case ".":
      return take(reader.dotTakesNewline ? () => true : (code) => code !== 0x0a);
    case "^":
      return assertion(reader.multiline ? "line start" : "start");
    case "$":
      return assertion(reader.multiline ? "line end" : "end");
    case "\\":
      return readEscape(reader);
    case "*":
    case "+":
    case "?":
      throw new PatternError(`"${character}" has nothing to repeat`);
    default:
      return take(sameCharacter(reader, character));
  }
}

function take(accepts: CharacterTest): Sized {
  return { pattern: { kind: "take", accepts }, size: 1 };
}

function assertion(name: Assertion): Sized {
  return { pattern: { kind: "assert", assertion: name }, size: 1 };
}

function readGroup(reader: Reader, depth: number): Sized {
  const opening = /^\?(?::|P?<[A-Za-z_]\w*>)/.exec(reader.source.slice(reader.position));
  if (opening !== null) reader.position += opening[0].length;
  else if (reader.source.charAt(reader.position) === "?") {
    throw new PatternError("look-around and flags inside a pattern are not supported");
  }
  const inner = readChoice(reader, depth + 1);
  if (reader.source.charAt(reader.position) !== ")") throw new PatternError('"(" is not closed');
  reader.position++;
  return inner;
}

function readEscape(reader: Reader): Sized {
  const next = reader.source.charAt(reader.position);
  if (next === "b" || next === "B") {
    reader.position++;
    return assertion(next === "b" ? "word edge" : "no word edge");
  }
  if (next === "A" || next === "z") {
    reader.position++;
    return assertion(next === "A" ? "start" : "end");
  }
  const escaped = escapedCharacter(reader);
  return take(typeof escaped === "string" ? sameCharacter(reader, escaped) : escaped);
}

/** What stands after a backslash, inside a class or outside: a class of its own, or one character. */
function escapedCharacter(reader: Reader): CharacterTest | string {
  const rest = reader.source.slice(reader.position);
  const hex = /^x(?:([\da-fA-F]{2})|\{([\da-fA-F]{1,6})\})/.exec(rest);
  if (hex !== null) {
    reader.position += hex[0].length;
    const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
    if (code > 0x10ffff) throw new PatternError(`"\\${hex[0]}" is no character`);
    return String.fromCodePoint(code);
  }
  if (rest === "") throw new PatternError('it ends with "\\"');
  const character = nextCharacter(reader);
  const ofClass = CLASSES.get(character);
  if (ofClass !== undefined) return ofClass;
  const control = CONTROLS.get(character);
  if (control !== undefined) return String.fromCodePoint(control);
  if (/[A-Za-z0-9]/.test(character)) throw new PatternError(`"\\${character}" is not supported`);
  return character;
}

function readClass(reader: Reader): CharacterTest {
  const negated = reader.source.charAt(reader.position) === "^";
  if (negated) reader.position++;
  const tests: CharacterTest[] = [];
  // A bracket that comes first is a member: []a] holds two characters.
  for (let first = true; first || reader.source.charAt(reader.position) !== "]"; first = false) {
    if (reader.position >= reader.source.length) throw new PatternError('"[" is not closed');
    if (reader.source.startsWith("[:", reader.position)) throw new PatternError('"[:name:]" is not supported');
    tests.push(readClassMember(reader));
  }
  reader.position++;
  const any: CharacterTest = (code) => tests.some((test) => test(code));
  return negated ? not(any) : any;
}

function readClassMember(reader: Reader): CharacterTest {
  const from = classCharacter(reader);
  if (typeof from !== "string") return from;
  const isRange = reader.source.charAt(reader.position) === "-" && reader.source.charAt(reader.position + 1) !== "]";
  if (!isRange || reader.position + 1 >= reader.source.length) return sameCharacter(reader, from);
  reader.position++;
  const to = classCharacter(reader);
  if (typeof to !== "string") throw new PatternError("a range ends with a class of characters");
  const [low, high] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
  if (low > high) throw new PatternError(`the range "${from}-${to}" runs backwards`);
  const within: CharacterTest = (code) => code >= low && code <= high;
  return reader.ignoreCase ? (code) => caseVariants(code).some(within) : within;
}

function classCharacter(reader: Reader): CharacterTest | string {
  const character = nextCharacter(reader);
  return character === "\\" ? escapedCharacter(reader) : character;
}

function nextCharacter(reader: Reader): string {
  const character = String.fromCodePoint(reader.source.codePointAt(reader.position) ?? 0);
  reader.position += character.length;
  return character;
}

function sameCharacter(reader: Reader, character: string): CharacterTest {
  const wanted = character.codePointAt(0) ?? 0;
  if (!reader.ignoreCase) return (code) => code === wanted;
  return (code) => code === wanted || caseVariants(code).includes(wanted);
}

function caseVariants(code: number): number[] {
  const character = String.fromCodePoint(code);
  return [code, character.toLowerCase().codePointAt(0) ?? code, character.toUpperCase().codePointAt(0) ?? code];
}
