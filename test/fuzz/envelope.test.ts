/**
 * Goal: a token of the encryption middleware opens to what went in, or is refused by code; what a stranger writes where a
 * token might stand does no more than that; and nothing of the secret or of what it covers is in an error.
 * Method: hostile values there and back; tokens bent in one place, and text that only looks like one.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { PerdureError } from "../../sdk/error-catalogue.js";
import { serializeError } from "../../sdk/errors.js";
import type { Json } from "../../sdk/protocol.js";
import { encryptionMiddleware } from "../../sdk/middleware/encryption.js";
import { always } from "./fuzz.js";
import { bentText, hostileJson, hostileObject, hostileText } from "./hostile.js";

const SECRET = "the-secret-key-of-at-least-32-characters";
const CANARY = "canary-4711";
const made = new (encryptionMiddleware({ key: SECRET }, seededRandom(1)))();
const stored = (value: unknown): Json => JSON.parse(JSON.stringify(value) ?? "null");
const kinds = fc.constantFrom("step", "output", "signal");

it("what is kept opens to what it was", async () => {
  await always(fc.tuple(kinds, hostileText, hostileJson), 500, ([of, name, value]) => {
    const token = made.toHistory?.({ of, name, value });
    expect(token).toMatch(/^perdure\.encrypted\.v1\.[0-9a-f]{12}\.[\w-]+$/);
    expect(made.fromHistory?.({ of, name, value: token })).toEqual(stored(value));
  });
  await always(fc.tuple(hostileText, hostileText), 300, ([name, message]) => {
    const error = Object.assign(new Error(message), { name: name === "" ? "E" : name });
    const opened = made.fromHistory?.({
      of: "error",
      name: "a",
      value: made.toHistory?.({ of: "error", name: "a", value: error }),
    });
    // A long one is cut, so that its token is whole.
    const kept = serializeError(error).message;
    expect(String(Reflect.get(Object(opened), "message")).slice(0, 256)).toBe(kept.slice(0, 256));
  });
});

it("an event's other data stays as it is, and its field opens to what it was", async () => {
  await always(fc.tuple(hostileObject, hostileJson), 500, async ([data, secret]) => {
    const members = Object.entries(data).map(([name, value]): [string, Json] => [name, stored(value)]);
    const before = Object.fromEntries([...members, ["encrypted", stored(secret)]]);
    const [sent] = (await made.transformSendEvent?.({ run: null, events: [{ name: "a/b", data: before }] })) ?? [];
    expect(Object.keys(sent?.data ?? {}).sort()).toEqual(Object.keys(before).sort());
    const opened = made.fromHistory?.({ of: "event", name: "a/b", value: sent?.data });
    expect(JSON.stringify(opened)).toBe(JSON.stringify(before));
    expect(Object.getPrototypeOf(opened)).toBe(Object.prototype);
  });
});

it("a token that was bent opens to the same or is refused by code, without a word of what it hides", async () => {
  const token = String(made.toHistory?.({ of: "step", name: "a", value: { text: CANARY } }));
  const forged = hostileText.map((text) => `perdure.encrypted.v1.${text}`);
  await always(fc.oneof(bentText(fc.constant(token)), forged, bentText(forged), hostileText), 1_500, (text) => {
    try {
      const opened = made.fromHistory?.({ of: "step", name: "a", value: text });
      expect([{ text: CANARY }, text]).toContainEqual(opened);
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      expect(error.code).toMatch(/^(ENCRYPTION_KEY_MISSING|ENCRYPTED_VALUE_DAMAGED)$/);
      const said = JSON.stringify([error.message, error.remedy, String(error.cause), error.stack]);
      expect(said).not.toContain(CANARY);
      expect(said).not.toContain(SECRET);
      expect(error.message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    }
  });
});

it("a token stands for the value it was made of, in no other place", async () => {
  const token = String(made.toHistory?.({ of: "step", name: "a", value: 1 }));
  await always(
    fc.tuple(
      kinds,
      hostileText.filter((name) => name !== "a"),
    ),
    300,
    ([of, name]) => {
      expect(() => made.fromHistory?.({ of, name, value: token })).toThrow(PerdureError);
    },
  );
});
