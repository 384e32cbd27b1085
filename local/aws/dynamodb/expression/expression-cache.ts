/**
 * Owns: one parse per expression text. Programs use a few dozen fixed texts, so a full cache means texts are being built
 * from data: it is emptied and filled anew, which stays correct and bounded.
 */
import { parseCondition } from "./parse-condition.js";
import { parseProjection } from "./parse-projection.js";
import { parseUpdate } from "./parse-update.js";
import type { Condition, Parsed, Path, Update } from "./syntax.js";

const MAX_TEXTS = 2000;

class Memo<Root> {
  private readonly parsed = new Map<string, Parsed<Root>>();
  private readonly parse: (text: string) => Parsed<Root>;

  constructor(parse: (text: string) => Parsed<Root>) {
    this.parse = parse;
  }

  get(text: string): Parsed<Root> {
    const known = this.parsed.get(text);
    if (known !== undefined) return known;
    const parsed = this.parse(text);
    if (this.parsed.size >= MAX_TEXTS) this.parsed.clear();
    this.parsed.set(text, parsed);
    return parsed;
  }
}

export class ExpressionCache {
  readonly condition = new Memo<Condition>((text) => parseCondition("ConditionExpression", text));
  readonly filter = new Memo<Condition>((text) => parseCondition("FilterExpression", text));
  readonly keyCondition = new Memo<Condition>((text) => parseCondition("KeyConditionExpression", text));
  readonly projection = new Memo<readonly Path[]>(parseProjection);
  readonly update = new Memo<Update>(parseUpdate);
}
