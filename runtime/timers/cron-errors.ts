/**
 * Owns: what is said about a cron that cannot be read or can never fire.
 * Must not: be raised after registration: a function whose cron is wrong is refused before anything is stored.
 */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const invalidCron = defineError<{ text: string; is: string; expected: string }>({
  code: "CRON_INVALID",
  status: 400,
  retryable: false,
  message: ({ text, is, expected }) => `Cannot read cron ${shown(text)}: ${is}; expected ${expected}`,
  remedy:
    'Write five fields (minute, hour, day of month, month, day of week), such as "TZ=Europe/Paris 0 9 * * MON-FRI".',
});

export const cronNeverFires = defineError<{ text: string; is: string }>({
  code: "CRON_NEVER_FIRES",
  status: 400,
  retryable: false,
  message: ({ text, is }) => `Cannot schedule cron ${shown(text)}: ${is}; expected a date that exists`,
  remedy: "Choose a day that at least one of the months has.",
});

export const cronTooLong = defineError<{ text: string; expression: string; maxCharacters: number }>({
  code: "CRON_TOO_LONG",
  status: 400,
  retryable: false,
  message: ({ text, expression, maxCharacters }) =>
    `Cannot schedule cron ${shown(text)}: as a schedule it has ${expression.length} characters; ` +
    `expected at most ${maxCharacters}`,
  remedy: "Use ranges and steps instead of long lists, or two crons.",
});
