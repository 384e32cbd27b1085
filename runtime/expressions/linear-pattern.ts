/**
 * Owns: regular expressions whose time grows with the length of the text alone. The syntax is the common core of RE2:
 * literals, `.`, classes, groups, alternation, `* + ? {m,n}` (lazy or not), `^ $ \b \B`, flags `(?ims)` at the start.
 * Must not: backtrack. JavaScript's own RegExp does, and `(a+)+$` on 40 characters from a stranger would stop a router.
 *
 * The pattern becomes a list of instructions; matching walks the text once and keeps the set of instructions that are
 * alive, each at most once per character (Thompson 1968; https://swtch.com/~rsc/regexp/regexp2.html).
 */
import { parsePattern, type Assertion, type CharacterTest, type Pattern } from "./pattern-syntax.js";

type Instruction =
  | { op: "take"; accepts: CharacterTest }
  | { op: "split"; first: number; second: number }
  | { op: "jump"; to: number }
  | { op: "assert"; assertion: Assertion }
  | { op: "match" };

/** What `{m,n}` may multiply a pattern to. Each instruction may cost one step per character. */
const MAX_INSTRUCTIONS = 500;

export interface LinearPattern {
  /** Whether the pattern occurs in the text. `charge` is told the steps as they are taken, and may throw to stop. */
  test(text: string, charge: (steps: number) => void): boolean;
}

/** Throws PatternError (pattern-syntax.ts) for what is no pattern, not of the common core, or too large. */
export function linearPattern(source: string): LinearPattern {
  const program: Instruction[] = [];
  emit(program, parsePattern(source, MAX_INSTRUCTIONS));
  program.push({ op: "match" });
  return { test: (text, charge) => runs(program, text, charge) };
}

function emit(program: Instruction[], pattern: Pattern): void {
  switch (pattern.kind) {
    case "take":
      program.push({ op: "take", accepts: pattern.accepts });
      return;
    case "assert":
      program.push({ op: "assert", assertion: pattern.assertion });
      return;
    case "sequence":
      for (const part of pattern.parts) emit(program, part);
      return;
    case "choice":
      emitChoice(program, pattern.options);
      return;
    case "repeat":
      for (let i = 0; i < pattern.min; i++) emit(program, pattern.body);
      if (pattern.max === null) emitLoop(program, pattern.body);
      else for (let i = pattern.min; i < pattern.max; i++) emitOptional(program, pattern.body);
  }
}

function emitChoice(program: Instruction[], options: readonly Pattern[]): void {
  const jumps: { op: "jump"; to: number }[] = [];
  for (const [index, option] of options.entries()) {
    if (index === options.length - 1) emit(program, option);
    else {
      const split = { op: "split" as const, first: program.length + 1, second: 0 };
      const jump = { op: "jump" as const, to: 0 };
      program.push(split);
      emit(program, option);
      program.push(jump);
      jumps.push(jump);
      split.second = program.length;
    }
  }
  for (const jump of jumps) jump.to = program.length;
}

function emitLoop(program: Instruction[], body: Pattern): void {
  const start = program.length;
  const split = { op: "split" as const, first: start + 1, second: 0 };
  program.push(split);
  emit(program, body);
  program.push({ op: "jump", to: start });
  split.second = program.length;
}

function emitOptional(program: Instruction[], body: Pattern): void {
  const split = { op: "split" as const, first: program.length + 1, second: 0 };
  program.push(split);
  emit(program, body);
  split.second = program.length;
}

/** One walk over one text. */
interface Walk {
  program: readonly Instruction[];
  text: string;
  position: number;
  /** The `take` instructions that wait for the character at `position`. */
  alive: number[];
  /** For each instruction, the position at which it was last reached: each is reached once per position. */
  reachedAt: Int32Array;
  pending: number[];
  visits: number;
}

function runs(program: readonly Instruction[], text: string, charge: (steps: number) => void): boolean {
  const reachedAt = new Int32Array(program.length).fill(-1);
  const walk: Walk = { program, text, position: 0, alive: [], reachedAt, pending: [], visits: 0 };
  for (;;) {
    // The pattern may begin anywhere, hence instruction 0 at every position.
    if (follow(walk, 0)) return true;
    charge(1 + walk.visits);
    walk.visits = 0;
    const codePoint = text.codePointAt(walk.position);
    if (codePoint === undefined) return false;
    const waiting = walk.alive;
    walk.alive = [];
    walk.position += codePoint > 0xffff ? 2 : 1;
    for (const index of waiting) {
      const instruction = program[index];
      if (instruction?.op === "take" && instruction.accepts(codePoint) && follow(walk, index + 1)) return true;
    }
  }
}

/** Makes everything alive that `from` leads to without taking a character. True when that includes the match. */
function follow(walk: Walk, from: number): boolean {
  const { program, pending, reachedAt, position } = walk;
  pending.length = 0;
  pending.push(from);
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (reachedAt[index] === position) continue;
    reachedAt[index] = position;
    walk.visits++;
    const instruction = program[index];
    if (instruction === undefined) continue;
    if (instruction.op === "match") return true;
    if (instruction.op === "take") walk.alive.push(index);
    else if (instruction.op === "jump") pending.push(instruction.to);
    else if (instruction.op === "split") pending.push(instruction.second, instruction.first);
    else if (holds(instruction.assertion, walk)) pending.push(index + 1);
  }
  return false;
}

function holds(assertion: Assertion, { text, position }: Walk): boolean {
  switch (assertion) {
    case "start":
      return position === 0;
    case "end":
      return position === text.length;
    case "line start":
      return position === 0 || text.charAt(position - 1) === "\n";
    case "line end":
      return position === text.length || text.charAt(position) === "\n";
    case "word edge":
      return isWordAt(text, position - 1) !== isWordAt(text, position);
    case "no word edge":
      return isWordAt(text, position - 1) === isWordAt(text, position);
  }
}

function isWordAt(text: string, position: number): boolean {
  return /^\w$/.test(text.charAt(position));
}
