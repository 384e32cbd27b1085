/** Owns: naming a function of this or another app without importing it, to invoke it. */
import { defineError, shown } from "./error-catalogue.js";
import type { UntypedData } from "./events.js";
import type { PerdureFunction } from "./function.js";
import type { Json } from "./protocol.js";
import type { InvokeData } from "./steps.js";

export const referenceInvalid = defineError<{ functionId: unknown; is: string }>({
  code: "FUNCTION_REFERENCE_INVALID",
  status: 400,
  retryable: false,
  message: ({ functionId, is }) =>
    `Cannot refer to function ${shown(functionId)}: ${is}; expected { functionId } and, for another app, { appId, functionId }`,
  remedy:
    'Pass the ids the function and its client were created with: referenceFunction({ appId: "billing", functionId: "charge" }).',
});

const referenceBrand = Symbol.for("perdure.FunctionReference");

/** A function by name. `Data` is what it takes and `Output` what it returns, as far as the caller says. */
export interface FunctionReference<Data = UntypedData, Output = Json> {
  readonly [referenceBrand]: true;
  /** The app of whoever invokes it when absent. */
  readonly appId: string | undefined;
  readonly functionId: string;
  /** Only for the compiler: a reference to a function of narrower data fits where any is asked for. */
  readonly types?: { takes: (data: Data) => void; output: Output };
}

export function isFunctionReference(value: unknown): value is FunctionReference {
  return typeof value === "object" && value !== null && Reflect.get(value, referenceBrand) === true;
}

/** What a reference knows of a function whose type is at hand: `referenceFunction<typeof charge>({ … })`. */
export type ReferenceTo<F> =
  F extends PerdureFunction<infer _Event, infer Output> ? FunctionReference<InvokeData<F>, Output> : FunctionReference;

/**
 * A function of this app, or with `appId` of another one, for `step.invoke`. Whether it exists is known when it is invoked.
 *
 * @example
 * const charge = referenceFunction<typeof import("../billing/charge.js").charge>({ appId: "billing", functionId: "charge" });
 * const receipt = await step.invoke("charge", { function: charge, data: { orderId } });
 */
export function referenceFunction<F = unknown>(reference: { appId?: string; functionId: string }): ReferenceTo<F> {
  const { appId, functionId } = reference ?? {};
  if (typeof functionId !== "string" || functionId === "") {
    throw referenceInvalid({ functionId, is: "its functionId is not a function's id" });
  }
  if (appId !== undefined && (typeof appId !== "string" || appId === "")) {
    throw referenceInvalid({ functionId, is: "its appId is not an app's id" });
  }
  // What F is, only the caller knows: the platform keeps names.
  return Object.freeze({ [referenceBrand]: true as const, appId, functionId }) as ReferenceTo<F>;
}
