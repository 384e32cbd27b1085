/**
 * Owns: what a sender is told when a request is not accepted. Nothing of a refused request is kept.
 * Must not: repeat more of the sender's text than `shown` lets through.
 */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const invalidJson = defineError<{ at: string; is: string; expected: string }>({
  code: "INVALID_JSON",
  status: 400,
  retryable: false,
  message: ({ at, is, expected }) => `Cannot read JSON at ${at}: ${is}; expected ${expected}`,
  remedy: "Send well-formed JSON, encoded as UTF-8 without a byte order mark.",
});

export const jsonTooDeep = defineError<{ at: string; maxDepth: number }>({
  code: "JSON_TOO_DEEP",
  status: 400,
  retryable: false,
  message: ({ at, maxDepth }) =>
    `Cannot read JSON at ${at}: it is nested too deep; expected at most ${maxDepth} levels`,
  remedy: "Flatten the payload, or send the deep part as a string.",
});

export const requestTooLarge = defineError<{ bytes: number; maxBytes: number }>({
  code: "REQUEST_TOO_LARGE",
  status: 413,
  retryable: false,
  message: ({ bytes, maxBytes }) => `Cannot accept request: it has ${bytes} bytes; expected at most ${maxBytes}`,
  remedy: "Send fewer events per request, or store the large part elsewhere and send a reference to it.",
});

export const tooManyEvents = defineError<{ count: number; maxCount: number }>({
  code: "TOO_MANY_EVENTS",
  status: 413,
  retryable: false,
  message: ({ count, maxCount }) => `Cannot accept request: it has ${count} events; expected 1 to ${maxCount}`,
  remedy: "Split the events over several requests.",
});

export const invalidEvent = defineError<{ index: number; is: string; expected: string }>({
  code: "EVENT_INVALID",
  status: 400,
  retryable: false,
  message: ({ index, is, expected }) => `Cannot accept event ${index}: ${is}; expected ${expected}`,
  remedy: "Correct the event and send the whole request again: none of its events was accepted.",
});

export const reservedEventName = defineError<{ index: number; name: string; prefix: string }>({
  code: "EVENT_NAME_RESERVED",
  status: 400,
  retryable: false,
  message: ({ index, name, prefix }) =>
    `Cannot accept event ${index}: name is ${shown(name)}; expected a name that does not begin with "${prefix}"`,
  remedy: "Choose another prefix: names that begin so are kept for events of the platform itself.",
});

export const eventTooLarge = defineError<{ index: number; bytes: number; maxBytes: number }>({
  code: "EVENT_TOO_LARGE",
  status: 413,
  retryable: false,
  message: ({ index, bytes, maxBytes }) =>
    `Cannot accept event ${index}: it has ${bytes} bytes of JSON; expected at most ${maxBytes}`,
  remedy: "Store the large part elsewhere (S3, for example) and send a reference to it.",
});

export const unknownEventKey = defineError<Record<never, never>>({
  code: "UNKNOWN_EVENT_KEY",
  status: 401,
  retryable: false,
  message: () => "Cannot accept request: the event key is not known; expected one of the platform's event keys",
  remedy:
    "Use the event key from the deployment's outputs: in the path of POST /e/<event key>, as Bearer token of POST /api/v1/signals.",
});

export const methodUnknown = defineError<{ method: string }>({
  code: "METHOD_NOT_SUPPORTED",
  status: 405,
  retryable: false,
  message: ({ method }) => `Cannot accept events: the method is ${shown(method)}; expected POST`,
  remedy: "Send the events as the JSON body of a POST request.",
});

export const acceptFailed = defineError<Record<never, never>>({
  code: "EVENTS_NOT_ACCEPTED",
  status: 503,
  retryable: true,
  message: () => "Cannot accept events: the platform could not store them now; expected it to be able to",
  remedy: "Send the request again with the same x-perdure-request-id header: nothing starts twice.",
});
