/**
 * Owns: what the parsers of all five expressions share: walking the tokens, document paths, lists, syntax errors in the
 * service's own words, and the record of which placeholders occur.
 */
import { validation } from "../errors.js";
import { isReservedWord } from "./reserved-words.js";
import type { ExpressionKind, Parsed, Path, PathStep } from "./syntax.js";
import { tokenize, type Token } from "./tokenizer.js";

const MAX_EXPRESSION_BYTES = 4096;
const END: Token = { kind: "end", text: "<EOF>", start: 0, end: 0 };

export class Parser {
  readonly kind: ExpressionKind;
  private readonly text: string;
  private readonly tokens: readonly Token[];
  private position = 0;
  private lastGroup = { start: -1, end: -1 };
  private readonly names = new Set<string>();
  private readonly values = new Set<string>();

  constructor(kind: ExpressionKind, text: string) {
    this.kind = kind;
    this.text = text;
    if (text.trim() === "") throw this.invalid("The expression can not be empty;");
    const bytes = Buffer.byteLength(text, "utf8");
    if (bytes > MAX_EXPRESSION_BYTES) {
      throw this.invalid(`Expression size has exceeded the maximum allowed size; expression size: ${bytes}`);
    }
    this.tokens = tokenize(text);
  }

  finish<Root>(root: Root): Parsed<Root> {
    if (this.peek().kind !== "end") throw this.syntaxError();
    return { kind: this.kind, root, names: [...this.names], values: [...this.values] };
  }

  peek(ahead = 0): Token {
    return this.tokens[this.position + ahead] ?? END;
  }

  next(): Token {
    const token = this.peek();
    this.position += 1;
    return token;
  }

  /** Where the parser stands, for `isGroup` and `noteGroup`. */
  mark(): number {
    return this.position;
  }

  /** Remembers the parentheses that opened at `start` and closed just now. */
  noteGroup(start: number): void {
    this.lastGroup = { start, end: this.position };
  }

  /** Whether the tokens from `start` to `end` are one pair of parentheses. */
  isGroup(start: number, end: number): boolean {
    return this.lastGroup.start === start && this.lastGroup.end === end;
  }

  isSymbol(symbol: string): boolean {
    const token = this.peek();
    return token.kind === "symbol" && token.text === symbol;
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.position += 1;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.syntaxError();
  }

  /** Keywords are read in any case. */
  isKeyword(keyword: string): boolean {
    const token = this.peek();
    return token.kind === "identifier" && token.text.toUpperCase() === keyword;
  }

  takeKeyword(keyword: string): boolean {
    if (!this.isKeyword(keyword)) return false;
    this.position += 1;
    return true;
  }

  /** True at `name(`: only there is a bare word a function and not an attribute. */
  atFunction(): boolean {
    const following = this.peek(1);
    return this.peek().kind === "identifier" && following.kind === "symbol" && following.text === "(";
  }

  takeValue(): string {
    if (this.peek().kind !== "value") throw this.syntaxError();
    const { text } = this.next();
    this.values.add(text);
    return text;
  }

  /** `item, item, …`, at least one. */
  list<Element>(parseElement: () => Element): Element[] {
    const elements = [parseElement()];
    while (this.takeSymbol(",")) elements.push(parseElement());
    return elements;
  }

  path(): Path {
    const steps: PathStep[] = [this.nameStep()];
    for (;;) {
      if (this.takeSymbol(".")) steps.push(this.nameStep());
      else if (this.takeSymbol("[")) steps.push(this.indexStep());
      else return steps;
    }
  }

  private nameStep(): PathStep {
    const token = this.peek();
    if (token.kind === "placeholder") {
      this.position += 1;
      this.names.add(token.text);
      return { kind: "placeholder", name: token.text };
    }
    if (token.kind !== "identifier") throw this.syntaxError();
    if (isReservedWord(token.text)) {
      throw this.invalid(`Attribute name is a reserved keyword; reserved keyword: ${token.text}`);
    }
    this.position += 1;
    return { kind: "name", name: token.text };
  }

  private indexStep(): PathStep {
    const token = this.peek();
    if (token.kind !== "number") throw this.syntaxError();
    this.position += 1;
    this.expectSymbol("]");
    return { kind: "index", index: Number(token.text) };
  }

  /** Names the token and its neighbours, as the service does. */
  syntaxError(): Error {
    const token = this.peek();
    const previous = this.tokens[this.position - 1] ?? token;
    const following = this.tokens[this.position + 1] ?? token;
    const near = this.text.slice(previous.start, following.end);
    return this.invalid(`Syntax error; token: "${token.text}", near: "${near}"`);
  }

  invalid(detail: string): Error {
    return validation(`Invalid ${this.kind}: ${detail}`);
  }
}
