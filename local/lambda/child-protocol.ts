/**
 * Owns: what a child-process sandbox and the process that started it say to each other over the IPC channel. Events and
 * results cross as JSON text inside, so that JSON's rules apply exactly once, as on Lambda.
 * The end of the channel is a message too: a child whose parent is gone (kill -9) ends itself.
 */
import type { FunctionSettings } from "./invocation.js";

export type ToChild = {
  kind: "invoke";
  requestId: string;
  eventJson: string;
  settings: FunctionSettings;
};

export type FromChild =
  /** The code is loaded and exports a handler. */
  | { kind: "ready" }
  /** The code could not be loaded; the child ends. */
  | ({ kind: "unloadable" } & ChildError)
  /** `retire`: the handler asked, through `context.retire()`, that this sandbox not be used again. */
  | { kind: "result"; requestId: string; resultJson: string; retire: boolean }
  | ({ kind: "error"; requestId: string } & ChildError);

export interface ChildError {
  failure: "handler" | "init" | "size";
  errorType: string;
  message: string;
  trace: string | undefined;
}
