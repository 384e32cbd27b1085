/** Owns: what a wait for a signal rejects with, and what a sender is told. */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const signalConflict = defineError<{ signal: string; runId: string }>({
  code: "SIGNAL_CONFLICT",
  status: 409,
  retryable: false,
  message: ({ signal, runId }) =>
    `Cannot wait for signal ${shown(signal)}: run ${shown(runId)} waits for it; expected one wait for a signal at a time`,
  remedy: 'Give each wait a signal of its own, with an id in its name, or take it over with onConflict: "replace".',
});

export const signalReplaced = defineError<{ signal: string; runId: string }>({
  code: "SIGNAL_REPLACED",
  status: 409,
  retryable: false,
  message: ({ signal, runId }) =>
    `Cannot wait for signal ${shown(signal)} any longer: run ${shown(runId)} has taken it over; expected to be the only wait for it`,
  remedy: 'Catch the error where a later wait may take over, or leave out onConflict: "replace" there.',
});

export const signalUnconfirmed = defineError<{ signal: string; waitedMs: number }>({
  code: "SIGNAL_UNCONFIRMED",
  status: 503,
  retryable: true,
  message: ({ signal, waitedMs }) =>
    `Cannot say whether signal ${shown(signal)} was received: nothing was heard within ${waitedMs} ms; expected an answer`,
  remedy: "Send it again under the same request id: the same signal is never received twice. A step does so by itself.",
});
