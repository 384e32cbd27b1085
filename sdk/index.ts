/** Owns: the public names of `perdure`, and nothing that is not public. */
export { Perdure, type ClientOptions } from "./client.js";
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
  type FunctionClient,
  type FunctionContext,
  type FunctionOptions,
  type PerdureFunction,
} from "./function.js";
export type { Jsonify } from "./jsonify.js";
export type { Logger } from "./logger.js";
export type { Json } from "./protocol.js";
export type { FetchLike } from "./send.js";
export { staticSchema, type StandardSchema } from "./standard-schema.js";
export type { StepId, StepOutput, StepTools } from "./steps.js";
export type { CronTrigger, EventTrigger, Trigger, Triggers } from "./triggers.js";
