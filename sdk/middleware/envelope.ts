/**
 * Owns: encrypted text: AES-256-GCM, under a key of its own for each value, in a token that names the key it needs.
 * Must not: show a key, or a part of a plaintext, in an error.
 * T1 Each value's key and nonce are derived (HKDF-SHA256) from the secret and 24 fresh random bytes that stand in the token,
 *    so that there is no number of values after which a nonce could repeat (NIST SP 800-38D allows 2^32 under one key).
 * T2 What a value is (`purpose`) is authenticated with it: a token put in another place does not open.
 *
 * Token: `perdure.encrypted.v1.<key id>.<base64url of salt (24 bytes), ciphertext, tag (16 bytes)>`
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Random } from "../clock.js";
import { encryptedValueDamaged, encryptionKeyInvalid, encryptionKeyMissing } from "./errors.js";

const PREFIX = "perdure.encrypted.v1.";
const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const SALT_BYTES = 24;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 6;
/** HKDF stretches nothing: text must be hard to guess by itself. */
const MIN_TEXT_CHARACTERS = 32;

/** A secret, and the name it goes by in tokens, which says nothing of it. */
export interface SecretKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** A key as it is given: 32 bytes, or text of at least 32 characters. Throws ENCRYPTION_KEY_INVALID. */
export function readSecretKey(given: unknown): SecretKey {
  if (typeof given === "string") {
    if (given.length >= MIN_TEXT_CHARACTERS)
      return secretKey(derived(Buffer.from(given, "utf8"), "", "text", KEY_BYTES));
    throw encryptionKeyInvalid({ is: `it is text of ${given.length} characters` });
  }
  if (!(given instanceof Uint8Array)) throw encryptionKeyInvalid({ is: `it is of type ${typeof given}` });
  if (given.byteLength !== KEY_BYTES) throw encryptionKeyInvalid({ is: `it has ${given.byteLength} bytes` });
  return secretKey(given);
}

function secretKey(secret: Uint8Array): SecretKey {
  return { id: derived(secret, "", "id", KEY_ID_BYTES).toString("hex"), secret: new Uint8Array(secret) };
}

export function isToken(value: unknown): value is string {
  return typeof value === "string" && value.startsWith(PREFIX);
}

export function encrypt(key: SecretKey, purpose: string, plaintext: string, random: Random): string {
  const salt = random.bytes(SALT_BYTES);
  const { messageKey, nonce } = messageKeys(key, salt);
  const cipher = createCipheriv(ALGORITHM, messageKey, nonce);
  cipher.setAAD(Buffer.from(purpose, "utf8"));
  const parts = [salt, cipher.update(plaintext, "utf8"), cipher.final(), cipher.getAuthTag()];
  return `${PREFIX}${key.id}.${Buffer.concat(parts).toString("base64url")}`;
}

/** The plaintext of a token. Throws ENCRYPTION_KEY_MISSING or ENCRYPTED_VALUE_DAMAGED. `of` names the value in an error. */
export function decrypt(keys: readonly SecretKey[], purpose: string, token: string, of: string): string {
  const [keyId = "", text = ""] = token.slice(PREFIX.length).split(".");
  const key = keys.find(({ id }) => id === keyId);
  if (!key)
    throw encryptionKeyMissing({ of, keyId: keyId.slice(0, 2 * KEY_ID_BYTES), known: keys.map(({ id }) => id) });
  const bytes = Buffer.from(text, "base64url");
  const damaged = encryptedValueDamaged({ of, keyId });
  if (bytes.byteLength < SALT_BYTES + TAG_BYTES) throw damaged;
  const { messageKey, nonce } = messageKeys(key, bytes.subarray(0, SALT_BYTES));
  const decipher = createDecipheriv(ALGORITHM, messageKey, nonce);
  decipher.setAAD(Buffer.from(purpose, "utf8"));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const opened = [decipher.update(bytes.subarray(SALT_BYTES, -TAG_BYTES)), decipher.final()];
    return Buffer.concat(opened).toString("utf8");
  } catch {
    // Node's own error says less, and nothing that helps.
    throw damaged;
  }
}

function messageKeys({ secret }: SecretKey, salt: Uint8Array): { messageKey: Buffer; nonce: Buffer } {
  const bytes = derived(secret, salt, "message", KEY_BYTES + NONCE_BYTES);
  return { messageKey: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

function derived(secret: Uint8Array, salt: Uint8Array | string, use: string, byteCount: number): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, `perdure encryption v1 ${use}`, byteCount));
}
