/** Owns: the public names of `perdure`, and nothing that is not public. */
export type { Backoff } from "./backoff.js";
export type { CancelOn } from "./cancel-on.js";
export { Perdure, type ClientOptions } from "./client.js";
export type { Concurrency, ConcurrencyOption } from "./concurrency.js";
export { durationMs, type TimeStr } from "./duration.js";
export { PerdureError } from "./error-catalogue.js";
export { NonRetriableError, RetryAfterError, StepError } from "./errors.js";
export {
  eventType,
  type CreatedEvent,
  type EventOptions,
  type EventPayload,
  type EventType,
  type ReceivedEvent,
  type ScheduledEvent,
  type UntypedData,
} from "./events.js";
export {
  isPerdureFunction,
  type FailureContext,
  type FailureHandler,
  type FunctionClient,
  type FunctionContext,
  type FunctionOptions,
  type PerdureFunction,
} from "./function.js";
export { getContext, step } from "./host/current-run.js";
export type { Jsonify } from "./jsonify.js";
export type { Logger } from "./logger.js";
export { dependencyInjection, type DependencyInjection } from "./middleware/dependency-injection.js";
export { encryptionMiddleware, type EncryptionKey, type EncryptionOptions } from "./middleware/encryption.js";
export {
  Middleware,
  type FunctionHandlerHook,
  type FunctionInputHook,
  type MiddlewareClass,
  type RunCompleteHook,
  type RunErrorHook,
  type RunInfo,
  type RunStartHook,
  type SendEventHook,
  type StepCompleteHook,
  type StepErrorHook,
  type StepHandlerHook,
  type StepHook,
  type StepInfo,
  type StepInputHook,
  type StoredHook,
  type StoredKind,
} from "./middleware/middleware.js";
export type { Json, OutgoingEvent } from "./protocol.js";
export { referenceFunction, type FunctionReference } from "./reference.js";
export type { FetchLike } from "./send.js";
export { staticSchema, type StandardSchema } from "./standard-schema.js";
export type {
  AwaitedEvent,
  GroupTools,
  InvokeData,
  InvokeOptions,
  InvokeOutput,
  InvokeTarget,
  RaceEntrants,
  StepId,
  StepOptions,
  StepOutput,
  StepTools,
  WaitForAnyOptions,
  WaitForEventOptions,
  WaitForSignalOptions,
  WaitTimeout,
} from "./steps.js";
export type {
  CancelledRun,
  EventError,
  FailedRun,
  FinishedRun,
  FunctionFailedEvent,
  InvokedEvent,
  InvokedRun,
  SystemEvents,
} from "./system-events.js";
export type { Timeouts } from "./timeouts.js";
export type { CronTrigger, EventTrigger, Trigger, Triggers } from "./triggers.js";
