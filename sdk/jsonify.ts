/**
 * Owns: what a type becomes on its way through JSON.stringify and JSON.parse. Step results and event data are typed with
 * it, since that is the way they take. Types only.
 * Not visible to types, so not modelled: NaN and infinities (null in JSON), accessors of a class (absent in JSON) and
 * cycles (an error when the step returns).
 */
import type { Json } from "./protocol.js";

/** What JSON leaves out of an object and turns into null in an array. */
// The global Function type, because it takes in classes and every signature, and nothing is called through it.
type Dropped = undefined | void | symbol | Function;

/** Objects that keep nothing: what they hold is not in properties of their own. */
type Emptied = ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | RegExp | ArrayBuffer;

/**
 * The type of a value after JSON: dates are strings, `toJSON` is honoured, members that are undefined, functions or
 * symbols are gone (null in arrays), maps and sets are `{}`. Unions, tuples, `readonly` and optional members are kept,
 * `unknown` and `any` stay. A bigint has no JSON: `never`.
 *
 * @example
 * type Saved = Jsonify<{ at: Date; note: string | undefined }>; // { at: string; note?: string }
 */
export type Jsonify<T> = IsAny<T> extends true ? T : unknown extends T ? T : IsJson<T> extends true ? T : JsonOf<T>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** "Any JSON", as in the data of an undeclared event, stays itself: looked into, it has no end. */
type IsJson<T> = [T, Json] extends [Json, T] ? true : false;

/** Distributes over unions. A `toJSON` is asked once: what it returns is written as it is, as JSON.stringify does. */
type JsonOf<T> = T extends string | number | boolean | null
  ? T
  : T extends bigint
    ? never
    : T extends Dropped
      ? null
      : T extends { toJSON(...parameters: never): infer Returned }
        ? IsAny<Returned> extends true
          ? Returned
          : JsonOfPlain<Returned>
        : JsonOfPlain<T>;

type JsonOfPlain<T> = T extends string | number | boolean | null
  ? T
  : T extends bigint
    ? never
    : T extends Dropped
      ? null
      : T extends Emptied | Date
        ? Record<never, never>
        : T extends readonly unknown[]
          ? { [Index in keyof T]: Jsonify<T[Index]> }
          : T extends ArrayBufferView
            ? { [index: string]: number }
            : T extends object
              ? JsonOfObject<OwnMembers<T>>
              : T;

/** An Error's own three are not enumerable. It is told from a look-alike by `cause: unknown`, which plain data lacks. */
type OwnMembers<T> = T extends Error
  ? "cause" | "stack" extends keyof T
    ? unknown extends T["cause"]
      ? Omit<T, "name" | "message" | "stack" | "cause">
      : T
    : T
  : T;

// Two mapped types, because one cannot make some members optional; each keeps `readonly` and `?` of what it maps.
type JsonOfObject<T> = Flattened<
  { [Key in keyof T as KeptKey<Key, T[Key]>]: Jsonify<T[Key]> } & {
    [Key in keyof T as MaybeDroppedKey<Key, T[Key]>]?: Jsonify<Exclude<T[Key], Dropped>>;
  }
>;

/** One object type instead of an intersection. `infer` makes the compiler show it written out. */
type Flattened<T> = T extends infer Members ? { [Key in keyof Members]: Members[Key] } : never;

type KeptKey<Key, Value> = Key extends symbol
  ? never
  : IsAny<Value> extends true
    ? Key
    : [Extract<Value, Dropped>] extends [never]
      ? Key
      : never;

type MaybeDroppedKey<Key, Value> = Key extends symbol
  ? never
  : IsAny<Value> extends true
    ? never
    : [Extract<Value, Dropped>] extends [never]
      ? never
      : [Exclude<Value, Dropped>] extends [never]
        ? never
        : Key;
