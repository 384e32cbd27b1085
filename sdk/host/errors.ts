/** Owns: the errors a function meets for what it asked of `step`. */
import { defineError, shown } from "../error-catalogue.js";

export const nestedStep = defineError<{ stepId: string; insideId: string }>({
  code: "NESTED_STEP",
  status: 400,
  retryable: false,
  message: ({ stepId, insideId }) =>
    `Cannot start step ${shown(stepId)}: the body of step ${shown(insideId)} is running; expected steps to be started by the function itself`,
  remedy: "Move the inner step out of the body: await it before or after the outer step.",
});

export const tooManySteps = defineError<{ runId: string; limit: number }>({
  code: "TOO_MANY_STEPS",
  status: 400,
  retryable: false,
  message: ({ runId, limit }) =>
    `Cannot start another step in run ${shown(runId)}: it has started ${limit}; expected at most ${limit} in one run`,
  remedy: "Split the work: send events to a second function, or handle several items in one step.",
});

export const invalidStepId = defineError<{ value: unknown; limit: number }>({
  code: "INVALID_STEP_ID",
  status: 400,
  retryable: false,
  message: ({ value, limit }) =>
    `Cannot start step ${shown(value)}: its id is not usable; expected a non-empty string of at most ${limit} characters`,
  remedy: 'Give the step a short, stable id such as "charge-card".',
});

export const invalidWake = defineError<{ stepId: string; value: unknown }>({
  code: "INVALID_DATE",
  status: 400,
  retryable: false,
  message: ({ stepId, value }) =>
    `Cannot sleep in step ${shown(stepId)}: ${shown(value)} is not a point in time; expected a Date or an ISO 8601 string at most 366 days away`,
  remedy: 'Pass a valid Date, or a string such as "2027-01-31T09:00:00Z".',
});

export const resultNotJson = defineError<{ stepId: string; reason: string }>({
  code: "RESULT_NOT_JSON",
  status: 400,
  retryable: false,
  message: ({ stepId, reason }) =>
    `Cannot record the result of step ${shown(stepId)}: ${reason}; expected a value JSON can hold`,
  remedy: "Return plain data: convert BigInt to string and break reference cycles before returning.",
});

export const resultTooLarge = defineError<{ stepId: string; bytes: number; limit: number }>({
  code: "RESULT_TOO_LARGE",
  status: 400,
  retryable: false,
  message: ({ stepId, bytes, limit }) =>
    `Cannot record the result of step ${shown(stepId)}: it has ${bytes} bytes of JSON; expected at most ${limit}`,
  remedy: "Store the data yourself (for example in S3) and return a reference to it.",
});

export const runTooLarge = defineError<{ runId: string; bytes: number; limit: number }>({
  code: "RUN_TOO_LARGE",
  status: 400,
  retryable: false,
  message: ({ runId, bytes, limit }) =>
    `Cannot record more results in run ${shown(runId)}: they have ${bytes} bytes of JSON; expected at most ${limit} in one run`,
  remedy: "Return references instead of data, or split the work over several runs.",
});

export const waitInvalid = defineError<{ stepId: string; is: string; expected: string }>({
  code: "WAIT_INVALID",
  status: 400,
  retryable: false,
  message: ({ stepId, is, expected }) => `Cannot wait in step ${shown(stepId)}: ${is}; expected ${expected}`,
  remedy: "Correct the options of the step. A run that has met this error has failed; start it again.",
});

export const raceWithoutEntrants = defineError<object>({
  code: "RACE_WITHOUT_ENTRANTS",
  status: 400,
  retryable: false,
  message: () => `Cannot run a race: it has no entrants; expected a list of at least one function`,
  remedy: "Pass functions: group.race([() => step.waitForEvent(…), () => step.sleep(…)]).",
});

export const stepTimedOut = defineError<{ stepId: string }>({
  code: "STEP_TIMED_OUT",
  status: 500,
  retryable: true,
  message: ({ stepId }) =>
    `Cannot finish step ${shown(stepId)}: the invocation's time is over; expected the body to end before the function's timeout`,
  remedy: "Raise the worker's timeout, or cut the step into smaller ones.",
});

export const stepAttemptTimedOut = defineError<{ stepId: string; timeoutMs: number }>({
  code: "STEP_ATTEMPT_TIMED_OUT",
  status: 500,
  retryable: true,
  message: ({ stepId, timeoutMs }) =>
    `Cannot finish step ${shown(stepId)}: its body ran longer than its timeout; expected it to end within ${timeoutMs} ms`,
  remedy:
    "Hand step.signal to what the body calls, so that it stops when its time is up, or give the step a longer timeout.",
});

export const stepOptionsInvalid = defineError<{ stepId: string; is: string; expected: string }>({
  code: "STEP_OPTIONS_INVALID",
  status: 400,
  retryable: false,
  message: ({ stepId, is, expected }) => `Cannot start step ${shown(stepId)}: ${is}; expected ${expected}`,
  remedy: "Correct the options in the step's first argument.",
});

export const outsideBody = defineError<{ runId: string }>({
  code: "OUTSIDE_STEP_BODY",
  status: 400,
  retryable: false,
  message: ({ runId }) =>
    `Cannot read step.idempotencyKey in run ${shown(runId)}: no step's body is running here; expected it to be read inside the body of step.run`,
  remedy: "Read it inside the body: step.run(id, () => api.charge({ idempotencyKey: step.idempotencyKey })).",
});

export const functionTimedOut = defineError<{ functionId: string }>({
  code: "FUNCTION_TIMED_OUT",
  status: 500,
  retryable: true,
  message: ({ functionId }) =>
    `Cannot go on with function ${shown(functionId)}: code between its steps ran past the invocation's time; expected slow work inside steps`,
  remedy: "Move the slow work into a step, or raise the worker's timeout.",
});

export const duplicateFunction = defineError<{ appId: string; id: string }>({
  code: "DUPLICATE_FUNCTION",
  status: 400,
  retryable: false,
  message: ({ appId, id }) =>
    `Cannot serve app ${shown(appId)}: two functions have the id ${shown(id)}; expected each id once`,
  remedy: "Rename one of them. A function under way keeps its runs by id, so rename the newer one.",
});

export const foreignFunction = defineError<{ appId: string; is: string }>({
  code: "FOREIGN_FUNCTION",
  status: 400,
  retryable: false,
  message: ({ appId, is }) => `Cannot serve app ${shown(appId)}: ${is}; expected functions of this app's own client`,
  remedy: "Pass what perdure.createFunction returned, made by the same client that is served.",
});

export const noFunctions = defineError<{ appId: string }>({
  code: "NO_FUNCTIONS",
  status: 400,
  retryable: false,
  message: ({ appId }) => `Cannot serve app ${shown(appId)}: it has no functions; expected at least one`,
  remedy: "Pass the app's functions: serve({ client, functions: [myFunction] }).",
});
