/** Owns: the public names of `perdure/testing`, and nothing that is not public. */
export type { AttemptView as TestAttempt, StepView as TestStep } from "../../runtime/api/show-steps.js";
export type { ChaosReport, CrashPoint, EndDifference, RepeatedStep, UnstableCode } from "./chaos-report.js";
export { createTest } from "./create-test.js";
export type { FunctionName, Mock, MockCall, MockStep, UnusedMock } from "./mocks.js";
export type { ChaosOptions, PerdureTest, TestFunction, TestOptions } from "./perdure-test.js";
export type { OutputOf, TestRun } from "./test-run.js";
