/** Owns: what a signal may be: its name, and the data that goes along. Must not: know who waits for it. */
import { defineError } from "./error-catalogue.js";
import { serializeError } from "./errors.js";
import type { Json } from "./protocol.js";

/** Sends a signal. `runId` null: no run waits for it. */
export type SignalSender = (signal: string, data: Json) => Promise<{ runId: string | null }>;

export const MAX_SIGNAL_CHARACTERS = 256;
/** Of the data as JSON. It is kept in the run's inbox itself, within DynamoDB's 400 KB an item. */
export const MAX_SIGNAL_BYTES = 256 * 1024;

export const invalidSignal = defineError<{ is: string; expected: string }>({
  code: "SIGNAL_INVALID",
  status: 400,
  retryable: false,
  message: ({ is, expected }) => `Cannot send signal: ${is}; expected ${expected}`,
  remedy: "Correct the signal. Large data is stored elsewhere, and a reference to it is sent.",
});

/** The data as JSON holds it; nothing is null. Throws SIGNAL_INVALID for a signal that cannot be sent. */
export function signalData(signal: unknown, data: unknown): Json {
  if (typeof signal !== "string" || signal.length === 0 || signal.length > MAX_SIGNAL_CHARACTERS) {
    throw invalidSignal({ is: "its name is not usable", expected: `text of 1 to ${MAX_SIGNAL_CHARACTERS} characters` });
  }
  const json = jsonText(data) ?? "null";
  const bytes = new TextEncoder().encode(json).byteLength;
  if (bytes > MAX_SIGNAL_BYTES) {
    throw invalidSignal({ is: `its data has ${bytes} bytes of JSON`, expected: `at most ${MAX_SIGNAL_BYTES}` });
  }
  // What JSON.stringify wrote is JSON.
  return JSON.parse(json) as Json;
}

function jsonText(data: unknown): string | undefined {
  try {
    return JSON.stringify(data);
  } catch (cause) {
    const why = serializeError(cause).message.split("\n")[0] ?? "";
    throw invalidSignal({ is: `its data has no JSON: ${why}`, expected: "data JSON can hold" }, { cause });
  }
}
