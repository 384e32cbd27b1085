/**
 * Owns: the errors the embedded AWS raises about itself. What AWS would answer is an `AwsServiceError`, never one of these.
 */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const clockAlreadyAdvancing = defineError<{ targetMs: number }>({
  code: "CLOCK_ALREADY_ADVANCING",
  status: 500,
  retryable: false,
  message: ({ targetMs }) =>
    `Cannot advance virtual clock "to ${targetMs}": another advance is under way; expected one caller at a time`,
  remedy: "Await the first advance before the next, and never advance the clock from inside a timer's callback.",
});

export const clockInPast = defineError<{ targetMs: number; nowMs: number }>({
  code: "CLOCK_IN_PAST",
  status: 500,
  retryable: false,
  message: ({ targetMs, nowMs }) =>
    `Cannot advance virtual clock "to ${targetMs}": it is ${nowMs} already; expected a finite time that is not in the past`,
  remedy: "Pass a time at or after clock.now().",
});

export const clockNeverSettles = defineError<{ nowMs: number; bound: number; what: string }>({
  code: "CLOCK_NEVER_SETTLES",
  status: 500,
  retryable: false,
  message: ({ nowMs, bound, what }) =>
    `Cannot settle virtual clock "at ${nowMs}": ${bound} ${what} went by without rest; expected the work of one instant to end`,
  remedy: "Look for a loop that awaits without a delay, or a timer that starts itself again with a delay of 0.",
});

export const clockLimitReached = defineError<{ limitMs: number }>({
  code: "CLOCK_LIMIT_REACHED",
  status: 500,
  retryable: false,
  message: ({ limitMs }) =>
    `Cannot advance virtual clock "until the promise settles": ${limitMs} ms went by; expected it to settle earlier`,
  remedy: "Pass a larger limit if the wait is meant to be that long; else something waits for a wake that never comes.",
});

export const dataDirectoryLocked = defineError<{ directory: string; pid: number }>({
  code: "DATA_DIRECTORY_LOCKED",
  status: 500,
  retryable: false,
  message: ({ directory, pid }) =>
    `Cannot open data directory ${shown(directory)}: process ${pid} is using it; expected one server for each directory`,
  remedy: "Stop the other server, or give this one its own --data directory.",
});

export const durableLogUnreadable = defineError<{ file: string; line: number; problem: string }>({
  code: "DURABLE_LOG_UNREADABLE",
  status: 500,
  retryable: false,
  message: ({ file, line, problem }) =>
    `Cannot replay durable log ${shown(file)}: line ${line} ${problem}; expected a log written by this version`,
  remedy: "Start with --fresh to begin with empty state, or move the file away to keep it.",
});

export const durableLogBroken = defineError<{ file: string; problem: string }>({
  code: "DURABLE_LOG_BROKEN",
  status: 500,
  retryable: false,
  message: ({ file, problem }) =>
    `Cannot write durable log ${shown(file)}: ${problem}; expected an open log on a disk that takes every write`,
  remedy: "Free space on the disk and start the server again: everything acknowledged so far is in the log.",
});

export const unknownTarget = defineError<{ targetArn: string; scheduleName: string }>({
  code: "SCHEDULE_TARGET_UNKNOWN",
  status: 500,
  retryable: false,
  message: ({ targetArn, scheduleName }) =>
    `Cannot deliver schedule ${shown(scheduleName)}: nothing answers for ${shown(targetArn)}; expected an existing queue or a Lambda function`,
  remedy: "Create the queue, or register the function with onInvoke before its schedule is due.",
});
