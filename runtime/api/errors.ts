/** Owns: what a caller of the API is told when a request is not answered as asked. */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const unauthorized = defineError<Record<never, never>>({
  code: "UNAUTHORIZED",
  status: 401,
  retryable: false,
  message: () =>
    'Cannot answer request: its signing key is missing or not known; expected the header "Authorization: Bearer <signing key>"',
  remedy: "Send one of the platform's signing keys. An event key does not open this API.",
});

export const notFound = defineError<{ thing: "run" | "event" | "cancellation" | "path"; id: string }>({
  code: "NOT_FOUND",
  status: 404,
  retryable: false,
  message: ({ thing, id }) => `Cannot find ${thing} ${shown(id)}: there is none; expected one that exists`,
  remedy:
    "Look at the id. An event and its runs are found a moment after the event was accepted, and for as long as the platform retains them.",
});

export const methodNotAllowed = defineError<{ method: string; path: string; allowed: string }>({
  code: "METHOD_NOT_ALLOWED",
  status: 405,
  retryable: false,
  message: ({ method, path, allowed }) =>
    `Cannot answer request for ${shown(path)}: its method is ${shown(method)}; expected ${allowed}`,
  remedy: "Use the method named here, which the header Allow also names.",
});

export const invalidQuery = defineError<{ name: string; is: string; expected: string }>({
  code: "INVALID_QUERY",
  status: 400,
  retryable: false,
  message: ({ name, is, expected }) => `Cannot read query parameter ${shown(name)}: ${is}; expected ${expected}`,
  remedy: "Correct the query. A cursor is passed on exactly as it was received.",
});

export const invalidBody = defineError<{ is: string; expected: string }>({
  code: "INVALID_BODY",
  status: 400,
  retryable: false,
  message: ({ is, expected }) => `Cannot read request body: ${is}; expected ${expected}`,
  remedy: "Correct the body: a JSON object with the members docs/api.md names, and no others.",
});

export const runEnded = defineError<{ runId: string; status: string }>({
  code: "RUN_ENDED",
  status: 409,
  retryable: false,
  message: ({ runId, status }) =>
    `Cannot cancel run "${runId}": it is ${status}; expected a run that is Queued or Running`,
  remedy: "Nothing is left to cancel: read the run to see how it ended.",
});

export const unavailable = defineError<{ requestId: string }>({
  code: "UNAVAILABLE",
  status: 503,
  retryable: true,
  message: ({ requestId }) =>
    `Cannot answer request ${shown(requestId)} now: a service behind the API gave no usable answer; expected one`,
  remedy: "Send the request again; every request of this API may be repeated.",
});

export const internal = defineError<{ requestId: string }>({
  code: "INTERNAL",
  status: 500,
  retryable: false,
  message: ({ requestId }) =>
    `Cannot answer request ${shown(requestId)}: something is wrong inside the platform; expected an answer`,
  remedy: "Search the log of the API function for this request id: the cause is written there.",
});

export const responseTooLarge = defineError<{ bytes: number; maxBytes: number }>({
  code: "RESPONSE_TOO_LARGE",
  status: 500,
  retryable: false,
  message: ({ bytes, maxBytes }) =>
    `Cannot answer request: the answer has ${bytes} bytes; expected at most ${maxBytes}, which Lambda can carry`,
  remedy: "Ask for fewer runs with the query parameter limit.",
});
