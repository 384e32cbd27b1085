/** Owns: knowing, anywhere below a handler, whether a step's body is running and which attempt it is. */
import { AsyncLocalStorage } from "node:async_hooks";

export interface BodyContext {
  stepId: string;
  /** 0 for the first attempt. */
  attempt: number;
}

export const bodyContext = new AsyncLocalStorage<BodyContext>();
