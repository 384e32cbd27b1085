/**
 * Owns: the input of a call as JSON and back, without loss: binary becomes `{"$b": base64}`, a Date `{"$d": ms}`, and an
 * object that could be mistaken for one of them (a single key that begins with "$") is wrapped in `{"$o": …}`.
 * Must not: copy what needs no change. Most inputs hold neither binary nor dates and go to JSON.stringify as they are.
 */

const TAG_SIGN = "$";

/** The value with every binary and Date tagged. Shares all unchanged parts with the original. */
export function tagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array)
    return { $b: Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64") };
  if (value instanceof Date) return { $d: value.getTime() };
  if (Array.isArray(value)) return taggedArray(value);
  return taggedObject(value);
}

/** The value that `tagged` was given. Works in place: `value` must be fresh from JSON.parse. */
export function untagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) value[index] = untagged(value[index]);
    return value;
  }
  const fields = Object.entries(value);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && only[0].startsWith(TAG_SIGN))
    return untaggedSingle(only[0], only[1]);
  for (const [key, member] of fields) Reflect.set(value, key, untagged(member));
  return value;
}

function taggedArray(value: readonly unknown[]): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index += 1) {
    const member = tagged(value[index]);
    if (member === value[index]) continue;
    copy ??= [...value];
    copy[index] = member;
  }
  return copy ?? value;
}

function taggedObject(value: object): unknown {
  let copy: Record<string, unknown> | undefined;
  // An undefined member does not reach the file, so it does not count here either.
  const fields = Object.entries(value).filter(([, member]) => member !== undefined);
  for (const [key, member] of fields) {
    const encoded = tagged(member);
    if (encoded === member) continue;
    // Without a prototype, a member named "__proto__" is a member like any other.
    copy ??= Object.assign(Object.create(null), value);
    if (copy !== undefined) copy[key] = encoded;
  }
  const [only] = fields;
  const isAmbiguous = fields.length === 1 && only !== undefined && only[0].startsWith(TAG_SIGN);
  return isAmbiguous ? { $o: copy ?? value } : (copy ?? value);
}

function untaggedSingle(key: string, member: unknown): unknown {
  if (key === "$b" && typeof member === "string") return new Uint8Array(Buffer.from(member, "base64"));
  if (key === "$d") return new Date(typeof member === "number" ? member : Number.NaN);
  if (key === "$o" && typeof member === "object" && member !== null) {
    for (const [inner, content] of Object.entries(member)) Reflect.set(member, inner, untagged(content));
    return member;
  }
  return { [key]: untagged(member) };
}
