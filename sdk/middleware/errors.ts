/** Owns: the errors of middleware that comes with the package. None holds a key, or a part of what was encrypted. */
import { defineError, shown } from "../error-catalogue.js";

export const encryptionKeyInvalid = defineError<{ is: string }>({
  code: "ENCRYPTION_KEY_INVALID",
  status: 400,
  retryable: false,
  message: ({ is }) => `Cannot encrypt with key "key": ${is}; expected 32 bytes, or text of at least 32 characters`,
  remedy: "Generate a key (openssl rand -base64 32), keep it as a secret, and hand it to encryptionMiddleware.",
});

export const encryptionOptionsInvalid = defineError<{ is: string; expected: string }>({
  code: "ENCRYPTION_OPTIONS_INVALID",
  status: 400,
  retryable: false,
  message: ({ is, expected }) => `Cannot create middleware "encryption": ${is}; expected ${expected}`,
  remedy: "Correct the options given to encryptionMiddleware().",
});

/** Retryable: the key may be there with the next deployment, and the run rests until then. */
export const encryptionKeyMissing = defineError<{ of: string; keyId: string; known: readonly string[] }>({
  code: "ENCRYPTION_KEY_MISSING",
  status: 500,
  retryable: true,
  message: ({ of, keyId, known }) =>
    `Cannot decrypt ${of}: it was encrypted with key ${shown(keyId)}; expected one of the keys this worker has: ${known.join(", ")}`,
  remedy: "Deploy the worker with that key among previousKeys. The run waits meanwhile and goes on by itself.",
});

export const encryptedValueDamaged = defineError<{ of: string; keyId: string }>({
  code: "ENCRYPTED_VALUE_DAMAGED",
  status: 500,
  retryable: true,
  message: ({ of, keyId }) =>
    `Cannot decrypt ${of}: what is stored is not what key ${shown(keyId)} encrypted there; expected it unchanged`,
  remedy: "Somebody has changed the stored value, or moved it. Restore it (point-in-time recovery) or cancel the run.",
});
