/**
 * Goal: what the encryption middleware covers can be read with its key and with nothing else: not under another key, not when
 * a bit of it was changed, not in another place; and what it does not cover stays as it is.
 * Method: its hooks are called as the host calls them; the token's construction is checked against node:crypto alone.
 */
import { createDecipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import type { PerdureError } from "../../../sdk/error-catalogue.js";
import { serializeError } from "../../../sdk/errors.js";
import { encryptionMiddleware, type EncryptionOptions } from "../../../sdk/middleware/encryption.js";
import type { Middleware, StoredHook } from "../../../sdk/middleware/middleware.js";
import "../seeded-properties.js";

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = "correct horse battery staple, at least thirty-two";

function made(options: EncryptionOptions, seed = 1): Middleware {
  const Class = encryptionMiddleware(options, seededRandom(seed));
  return new Class();
}

const kept = (middleware: Middleware, hook: StoredHook): unknown => middleware.toHistory?.(hook);
const seen = (middleware: Middleware, hook: StoredHook): unknown => middleware.fromHistory?.(hook);

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as PerdureError).code;
  }
}

describe("a value", () => {
  it("comes back as it was, whatever JSON it is", () => {
    const middleware = made({ key: KEY });
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom("step", "output", "signal"), (value, of) => {
        const hook = { of, name: of === "output" ? null : "a" } as const;
        const token = kept(middleware, { ...hook, value });
        expect(token).toMatch(/^perdure\.encrypted\.v1\.[0-9a-f]{12}\.[\w-]+$/);
        expect(seen(middleware, { ...hook, value: token })).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is AES-256-GCM under a key of its own, derived from the secret and 24 bytes in the token", () => {
    const token = String(kept(made({ key: KEY }), { of: "step", name: "charge", value: { cents: 500 } }));
    const bytes = Buffer.from(token.split(".").at(-1) ?? "", "base64url");
    const info = "perdure encryption v1 message";
    const keys = Buffer.from(hkdfSync("sha256", KEY, bytes.subarray(0, 24), info, 44));
    const decipher = createDecipheriv("aes-256-gcm", keys.subarray(0, 32), keys.subarray(32));
    decipher.setAAD(Buffer.from("step\ncharge"));
    decipher.setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([decipher.update(bytes.subarray(24, -16)), decipher.final()]).toString()).toBe(
      '{"cents":500}',
    );
  });

  it("is another token each time", () => {
    const middleware = made({ key: KEY });
    const hook = { of: "step", name: "a", value: "the same" } as const;
    expect(new Set(Array.from({ length: 100 }, () => kept(middleware, hook))).size).toBe(100);
  });

  it("that is undefined is null, and one that has no JSON says so", () => {
    const middleware = made({ key: KEY });
    const token = kept(middleware, { of: "step", name: "a", value: undefined });
    expect(seen(middleware, { of: "step", name: "a", value: token })).toBe(null);
    expect(codeOf(() => kept(middleware, { of: "step", name: "a", value: 1n }))).toBe("RESULT_NOT_JSON");
  });

  it("written before there was encryption is what it is", () => {
    const middleware = made({ key: KEY });
    for (const value of [null, 1, "text", { a: [1] }, "perdure.encrypted"]) {
      expect(seen(middleware, { of: "step", name: "a", value })).toEqual(value);
    }
  });
});

describe("whoever has not the key", () => {
  const token = String(kept(made({ key: KEY }), { of: "step", name: "a", value: "secret" }));

  it("is told which key is missing and which ones are there", () => {
    const other = made({ key: OTHER_KEY });
    const read = (): unknown => seen(other, { of: "step", name: "a", value: token });
    expect(codeOf(read)).toBe("ENCRYPTION_KEY_MISSING");
    expect(read).toThrow(
      /^Cannot decrypt the result of step "a": it was encrypted with key "[0-9a-f]{12}"; expected one of the keys this worker has: [0-9a-f]{12}$/,
    );
  });

  it("reads it once the key is among the previous ones, and then writes with the new one", () => {
    const rotated = made({ key: OTHER_KEY, previousKeys: [KEY] });
    expect(seen(rotated, { of: "step", name: "a", value: token })).toBe("secret");
    const fresh = kept(rotated, { of: "step", name: "a", value: "secret" });
    expect(codeOf(() => seen(made({ key: KEY }), { of: "step", name: "a", value: fresh }))).toBe(
      "ENCRYPTION_KEY_MISSING",
    );
    expect(seen(made({ key: OTHER_KEY }), { of: "step", name: "a", value: fresh })).toBe("secret");
  });

  it("notices each changed character and each missing one", () => {
    const middleware = made({ key: KEY });
    const from = token.lastIndexOf(".") + 1;
    for (let at = from; at < token.length; at += 1) {
      const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
      const code = codeOf(() => seen(middleware, { of: "step", name: "a", value: changed }));
      // The last character holds bits that are not a part of any byte.
      if (at < token.length - 1) expect([at, code]).toEqual([at, "ENCRYPTED_VALUE_DAMAGED"]);
      const cut = token.slice(0, at);
      expect(codeOf(() => seen(middleware, { of: "step", name: "a", value: cut }))).toBe("ENCRYPTED_VALUE_DAMAGED");
    }
  });

  it("cannot have it opened as something else", () => {
    const middleware = made({ key: KEY });
    const places: StoredHook[] = [
      { of: "step", name: "b", value: token },
      { of: "output", name: null, value: token },
      { of: "signal", name: "a", value: token },
      { of: "error", name: "a", value: { name: "Error", message: token } },
      { of: "event", name: "shop/x", value: { encrypted: token } },
    ];
    for (const place of places) expect(codeOf(() => seen(middleware, place))).toBe("ENCRYPTED_VALUE_DAMAGED");
  });
});

describe("an error", () => {
  const cause = Object.assign(new Error("no account secret-2"), { code: "E_CAUSE" });
  const error = Object.assign(new TypeError("no card secret-1", { cause }), { code: "E_CARD" });

  it("keeps its name and code, and hides the rest", () => {
    const middleware = made({ key: KEY });
    const hidden = kept(middleware, { of: "error", name: "a", value: serializeError(error) });
    expect(hidden).toEqual({
      name: "TypeError",
      code: "E_CARD",
      message: expect.stringMatching(/^perdure\.encrypted\./),
    });
    expect(JSON.stringify(hidden)).not.toContain("secret");
    expect(seen(middleware, { of: "error", name: "a", value: hidden })).toEqual(serializeError(error));
  });

  it("opens as the cause of another, as an invoked function's is", () => {
    const middleware = made({ key: KEY });
    const hidden = kept(middleware, { of: "error", name: null, value: serializeError(error) });
    const outer = { name: "PerdureError", message: "it failed", code: "INVOKED_FUNCTION_FAILED", cause: hidden };
    expect(seen(middleware, { of: "error", name: "call", value: outer })).toEqual({
      ...outer,
      cause: serializeError(error),
    });
  });

  it("of any size stays within what is kept of a message, so that its token is whole", () => {
    const middleware = made({ key: KEY });
    for (const character of ["a", "\u0001", "ü", "\u{1F600}", '"']) {
      const long = new Error(character.repeat(100_000), { cause: new Error(character.repeat(100_000)) });
      long.stack = character.repeat(100_000);
      const hidden = serializeError(kept(middleware, { of: "error", name: "a", value: serializeError(long) }));
      expect(hidden.message.length).toBeLessThanOrEqual(16 * 1024);
      const shown = serializeError(seen(middleware, { of: "error", name: "a", value: hidden }));
      expect(shown.message.startsWith(character.repeat(100))).toBe(true);
    }
  });
});

describe("an event", () => {
  const event = { name: "clinic/result.in", data: { patientId: "p_1", encrypted: { finding: "secret" } } };

  it("has one field encrypted, and opens with it", async () => {
    const middleware = made({ key: KEY });
    const sent = await middleware.transformSendEvent?.({ run: null, events: [event, { name: "clinic/plain" }] });
    expect(sent).toEqual([
      { name: "clinic/result.in", data: { patientId: "p_1", encrypted: expect.stringMatching(/^perdure\.enc/) } },
      { name: "clinic/plain" },
    ]);
    expect(seen(middleware, { of: "event", name: event.name, value: sent?.[0]?.data })).toEqual(event.data);
  });

  it("that was encrypted already, or has no such field, is left alone; the field may have another name", async () => {
    const middleware = made({ key: KEY, eventField: "private" });
    const once = await middleware.transformSendEvent?.({
      run: null,
      events: [{ name: "x", data: { private: 1 } }, event],
    });
    const twice = await middleware.transformSendEvent?.({ run: null, events: once ?? [] });
    expect(twice).toEqual(once);
    expect(once?.[1]).toEqual(event);
  });

  it("by which the platform tells of a run opens with all it holds of it", async () => {
    const middleware = made({ key: KEY });
    const [started] = (await middleware.transformSendEvent?.({ run: null, events: [event] })) ?? [];
    const error = kept(middleware, { of: "error", name: null, value: serializeError(new Error("secret")) });
    const data = { functionId: "f", error, event: { ...started, id: "e_1", ts: 0 } };
    const shown = seen(middleware, { of: "event", name: "perdure/function.failed", value: data });
    expect(shown).toMatchObject({ functionId: "f", error: { message: "secret" }, event: { data: event.data } });
    const result = kept(middleware, { of: "output", name: null, value: { a: 1 } });
    const finished = seen(middleware, { of: "event", name: "perdure/function.finished", value: { result } });
    expect(finished).toEqual({ result: { a: 1 } });
  });

  it("is what an invoked function's data becomes", () => {
    const middleware = made({ key: KEY });
    const data = kept(middleware, { of: "invoke", name: "call", value: event.data });
    expect(JSON.stringify(data)).not.toContain("secret");
    expect(seen(middleware, { of: "event", name: "perdure/function.invoked", value: data })).toEqual(event.data);
  });
});

describe("options", () => {
  it("decryptOnly reads and writes nothing encrypted", async () => {
    const middleware = made({ key: KEY, decryptOnly: true });
    const token = kept(made({ key: KEY }), { of: "step", name: "a", value: 1 });
    expect(seen(middleware, { of: "step", name: "a", value: token })).toBe(1);
    expect(kept(middleware, { of: "step", name: "a", value: 1 })).toBe(1);
    const events = [{ name: "x", data: { encrypted: 1 } }];
    expect(await middleware.transformSendEvent?.({ run: null, events })).toEqual(events);
  });

  const misuse: [unknown, string][] = [
    [null, "ENCRYPTION_OPTIONS_INVALID"],
    [{}, "ENCRYPTION_KEY_INVALID"],
    [{ key: "short" }, "ENCRYPTION_KEY_INVALID"],
    [{ key: new Uint8Array(16) }, "ENCRYPTION_KEY_INVALID"],
    [{ key: KEY, previousKeys: ["short"] }, "ENCRYPTION_KEY_INVALID"],
    [{ key: KEY, eventField: "" }, "ENCRYPTION_OPTIONS_INVALID"],
    [{ key: KEY, decryptOnly: "yes" }, "ENCRYPTION_OPTIONS_INVALID"],
    [{ key: KEY, fallbackKeys: [] }, "ENCRYPTION_OPTIONS_INVALID"],
  ];

  it.each(misuse)("%o is refused, and no key is shown", (options, code) => {
    // Options as a user without types may write them.
    const make = (): unknown => encryptionMiddleware(options as EncryptionOptions);
    expect(codeOf(make)).toBe(code);
    expect(make).not.toThrow(/short"/);
  });
});
