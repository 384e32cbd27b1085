/**
 * Goal: Jsonify says what JSON.parse(JSON.stringify(value)) returns, no more and no less.
 * Method: compared type by type with literals; checked by tsc (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import type { Json, Jsonify } from "perdure";

// Primitives stay, literals and brands included.
expectTypeOf<Jsonify<string>>().toEqualTypeOf<string>();
expectTypeOf<Jsonify<"a" | 1 | true | null>>().toEqualTypeOf<"a" | 1 | true | null>();
expectTypeOf<Jsonify<boolean>>().toEqualTypeOf<boolean>();
type UserId = string & { readonly __brand: "UserId" };
expectTypeOf<Jsonify<{ id: UserId }>>().toEqualTypeOf<{ id: UserId }>();
expectTypeOf<Jsonify<`app/${string}`>>().toEqualTypeOf<`app/${string}`>();

// What says nothing about itself stays so.
expectTypeOf<Jsonify<unknown>>().toBeUnknown();
// `any` cannot be written by the rules of this repository; JSON.parse is declared to return it.
type Anything = ReturnType<typeof JSON.parse>;
expectTypeOf<Jsonify<Anything>>().toBeAny();
expectTypeOf<Jsonify<{ a: Anything; b: unknown; c?: Anything }>>().toEqualTypeOf<{
  a: Anything;
  b: unknown;
  c?: Anything;
}>();
expectTypeOf<Jsonify<never>>().toBeNever();

// Nothing is null at the top and in lists, and absent in objects.
expectTypeOf<Jsonify<undefined>>().toBeNull();
expectTypeOf<Jsonify<void>>().toBeNull();
expectTypeOf<Jsonify<() => string>>().toBeNull();
expectTypeOf<Jsonify<symbol>>().toBeNull();
expectTypeOf<Jsonify<string | undefined>>().toEqualTypeOf<string | null>();
expectTypeOf<Jsonify<(string | undefined)[]>>().toEqualTypeOf<(string | null)[]>();
expectTypeOf<Jsonify<(() => void)[]>>().toEqualTypeOf<null[]>();
expectTypeOf<Jsonify<{ kept: 1; gone: undefined; called(): void; sign: symbol }>>().toEqualTypeOf<{ kept: 1 }>();
expectTypeOf<Jsonify<{ a: string | undefined }>>().toEqualTypeOf<{ a?: string }>();
expectTypeOf<Jsonify<{ a: number | (() => number) }>>().toEqualTypeOf<{ a?: number }>();
expectTypeOf<Jsonify<{ [key: symbol]: string; a: 1 }>>().toEqualTypeOf<{ a: 1 }>();
class Plan {
  name = "free";
}
expectTypeOf<Jsonify<{ make: typeof Plan; a: 1 }>>().toEqualTypeOf<{ a: 1 }>();

// Any JSON stays itself, wherever it stands.
expectTypeOf<Jsonify<Json>>().toEqualTypeOf<Json>();
expectTypeOf<Jsonify<{ a: Json; b: Json[]; at: Date }>>().toEqualTypeOf<{ a: Json; b: Json[]; at: string }>();

// Optional and readonly members keep their modifiers.
expectTypeOf<Jsonify<{ a?: Date; readonly b: Date; readonly c?: string | undefined }>>().toEqualTypeOf<{
  a?: string;
  readonly b: string;
  readonly c?: string;
}>();

// toJSON is honoured, once.
expectTypeOf<Jsonify<Date>>().toEqualTypeOf<string>();
expectTypeOf<Jsonify<URL>>().toEqualTypeOf<string>();
class Money {
  cents = 1;
  toJSON(): { amount: number; at: Date } {
    return { amount: this.cents / 100, at: new Date(0) };
  }
}
expectTypeOf<Jsonify<Money>>().toEqualTypeOf<{ amount: number; at: string }>();
class Itself {
  a = 1;
  toJSON(): this {
    return this;
  }
}
expectTypeOf<Jsonify<Itself>>().toEqualTypeOf<{ a: number }>();
expectTypeOf<Jsonify<{ toJSON(): Date }>>().toEqualTypeOf<Record<never, never>>();
expectTypeOf<Jsonify<{ toJSON(): undefined }>>().toBeNull();
expectTypeOf<Jsonify<{ toJSON(key: string): Anything }>>().toBeAny();

// What keeps nothing.
expectTypeOf<Jsonify<Map<string, number>>>().toEqualTypeOf<Record<never, never>>();
expectTypeOf<Jsonify<Set<Date>>>().toEqualTypeOf<Record<never, never>>();
expectTypeOf<Jsonify<{ pattern: RegExp }>>().toEqualTypeOf<{ pattern: Record<never, never> }>();
expectTypeOf<Jsonify<Promise<number>>>().toEqualTypeOf<Record<never, never>>();
expectTypeOf<Jsonify<Uint8Array>>().toEqualTypeOf<{ [index: string]: number }>();
expectTypeOf<Jsonify<Error>>().toEqualTypeOf<Record<never, never>>();
class HttpError extends Error {
  readonly status: number = 500;
  readonly at: Date = new Date(0);
}
expectTypeOf<Jsonify<HttpError>>().toEqualTypeOf<{ readonly status: number; readonly at: string }>();
// Plain data that only looks like an error keeps its members.
expectTypeOf<Jsonify<{ name: string; message: string; stack?: string }>>().toEqualTypeOf<{
  name: string;
  message: string;
  stack?: string;
}>();

// A bigint has no JSON: using the result does not compile.
expectTypeOf<Jsonify<bigint>>().toBeNever();
expectTypeOf<Jsonify<{ a: bigint }>>().toEqualTypeOf<{ a: never }>();

// Lists and tuples.
expectTypeOf<Jsonify<Date[]>>().toEqualTypeOf<string[]>();
expectTypeOf<Jsonify<readonly Date[]>>().toEqualTypeOf<readonly string[]>();
expectTypeOf<Jsonify<[Date, number, { a: undefined }]>>().toEqualTypeOf<[string, number, Record<never, never>]>();
expectTypeOf<Jsonify<readonly [Date, "b"]>>().toEqualTypeOf<readonly [string, "b"]>();
expectTypeOf<Jsonify<[number, ...Date[]]>>().toEqualTypeOf<[number, ...string[]]>();

// Unions, discriminated ones too.
type Answer = { kind: "ok"; at: Date } | { kind: "error"; reason: string | undefined };
expectTypeOf<Jsonify<Answer>>().toEqualTypeOf<{ kind: "ok"; at: string } | { kind: "error"; reason?: string }>();
expectTypeOf<Jsonify<Date | null>>().toEqualTypeOf<string | null>();

// Interfaces, classes, records, recursion.
interface Document {
  id: string;
  tags: Set<string>;
  owner: { joinedAt: Date };
}
expectTypeOf<Jsonify<Document>>().toEqualTypeOf<{
  id: string;
  tags: Record<never, never>;
  owner: { joinedAt: string };
}>();
class Account {
  readonly id = "a";
  #secret = 1;
  private note = "";
  balance(): number {
    return this.#secret + this.note.length;
  }
}
expectTypeOf<Jsonify<Account>>().toEqualTypeOf<{ readonly id: "a" }>();
expectTypeOf<Jsonify<Record<string, Date>>>().toEqualTypeOf<{ [key: string]: string }>();
expectTypeOf<Jsonify<{ [key: string]: Date | undefined }>["a"]>().toEqualTypeOf<string | undefined>();
expectTypeOf<Jsonify<Record<"a" | "b", Date>>>().toEqualTypeOf<{ a: string; b: string }>();
interface Tree {
  at: Date;
  children: Tree[];
  parent?: Tree;
}
declare const tree: Jsonify<Tree>;
expectTypeOf(tree.children[0]?.children[0]?.parent?.at).toEqualTypeOf<string | undefined>();

// Thirty levels deep, and what JSON already is stays as it is.
type Nest<T, Depth extends readonly unknown[]> = Depth extends readonly [unknown, ...infer Rest]
  ? { down: Nest<T, Rest>; at: Date }
  : T;
type Ten = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
type Bottom<T, Depth extends readonly unknown[]> = Depth extends readonly [unknown, ...infer Rest]
  ? T extends { down: infer Down }
    ? Bottom<Down, Rest>
    : "no such depth"
  : T;
type Thirty = [...Ten, ...Ten, ...Ten];
expectTypeOf<Bottom<Jsonify<Nest<Date, Thirty>>, Thirty>>().toEqualTypeOf<string>();

// Twice through JSON is once through JSON.
expectTypeOf<Jsonify<Jsonify<Document>>>().toEqualTypeOf<Jsonify<Document>>();
expectTypeOf<Jsonify<Jsonify<Answer>>>().toEqualTypeOf<Jsonify<Answer>>();

// A generic helper can name what it returns before it knows it.
export async function remembered<T>(make: () => Promise<T>): Promise<Jsonify<T> | null> {
  await make();
  return null;
}
