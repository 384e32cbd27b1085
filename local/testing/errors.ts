/** Owns: the errors of the test kit: a test that asks for what is not there, or says what cannot be meant. */
import { defineError, shown } from "../../sdk/error-catalogue.js";

export const testWithoutFunctions = defineError<{ is: string }>({
  code: "TEST_WITHOUT_FUNCTIONS",
  status: 400,
  retryable: false,
  message: ({ is }) => `Cannot create the test: ${is}; expected the functions under test, all of one client`,
  remedy: "Pass what perdure.createFunction returned: createTest({ functions: [myFunction] }).",
});

export const testTimeInvalid = defineError<{ value: unknown; is: string }>({
  code: "TEST_TIME_INVALID",
  status: 400,
  retryable: false,
  message: ({ value, is }) =>
    `Cannot move the test's time to ${shown(value)}: ${is}; expected a Date, an ISO 8601 string or ms since 1970, not before now`,
  remedy: 'Pass a time such as new Date("2026-03-02T09:00:00Z"), or a length to advance().',
});

export const testEventsRefused = defineError<{ status: number; answer: string }>({
  code: "TEST_EVENTS_REFUSED",
  status: 400,
  retryable: false,
  message: ({ status, answer }) =>
    `Cannot send events: the platform answers ${status} ${shown(answer)}; expected it to accept them`,
  remedy: "Correct the events: nothing was sent, as nothing would be once deployed.",
});

export const testEventUnknown = defineError<{ eventId: string }>({
  code: "TEST_EVENT_UNKNOWN",
  status: 404,
  retryable: false,
  message: ({ eventId }) =>
    `Cannot find event ${shown(eventId)}: it was not sent in this test; expected an id that send() answered with`,
  remedy: "Use one of the ids of: const { ids } = await t.send(event).",
});

export const testRunUnknown = defineError<{ runId: string }>({
  code: "TEST_RUN_UNKNOWN",
  status: 404,
  retryable: false,
  message: ({ runId }) => `Cannot find run ${shown(runId)}: there is none in this test; expected the id of one`,
  remedy: "Take the id from t.runs() or t.runOf(eventId).",
});

export const testRunAmbiguous = defineError<{ eventId: string; found: readonly string[] }>({
  code: "TEST_RUN_AMBIGUOUS",
  status: 409,
  retryable: false,
  message: ({ eventId, found }) =>
    `Cannot choose the run of event ${shown(eventId)}: it started ${found.length === 0 ? "none" : found.join(" and ")}; expected one`,
  remedy: "Name the function: t.runOf(eventId, myFunction). With none, check the event's name against the triggers.",
});

export const testFunctionUnknown = defineError<{ functionId: string; known: readonly string[] }>({
  code: "TEST_FUNCTION_UNKNOWN",
  status: 400,
  retryable: false,
  message: ({ functionId, known }) =>
    `Cannot find function ${shown(functionId)}: it is not in this test; expected one of ${known.join(", ")}`,
  remedy: "Add it to createTest({ functions }), or correct its id.",
});

export const testMockNotABody = defineError<{ functionId: string; stepId: string; tool: string }>({
  code: "TEST_MOCK_NOT_A_BODY",
  status: 400,
  retryable: false,
  message: ({ functionId, stepId, tool }) =>
    `Cannot mock step ${shown(stepId)} of function ${shown(functionId)}: the code asks for it with step.${tool}; expected step.run`,
  remedy: "Leave it as it is: sleeps take virtual time, and events go to the functions of this test.",
});

export const testMocksUnused = defineError<{ mocks: readonly string[] }>({
  code: "TEST_MOCKS_UNUSED",
  status: 400,
  retryable: false,
  message: ({ mocks }) =>
    `Cannot end the test: no run asked for the mocked steps ${mocks.join(", ")}; expected each mock to be used`,
  remedy: "Correct the step's id, or remove the mock. Mocks that only some tests use belong in createTest({ mocks }).",
});

export const testStopped = defineError<{ appId: string }>({
  code: "TEST_STOPPED",
  status: 409,
  retryable: false,
  message: ({ appId }) =>
    `Cannot use the test of app ${shown(appId)}: it has been stopped; expected one that is running`,
  remedy: "Await what the test starts before it ends, and create a new test for what follows.",
});

export const chaosWithoutRun = defineError<{ is: string }>({
  code: "CHAOS_WITHOUT_RUN",
  status: 400,
  retryable: false,
  message: ({ is }) => `Cannot look for crash points: ${is}; expected the event to start a run that ends`,
  remedy: 'Send an event that a function of the test listens to, and say how long its run takes: until: "30d".',
});
