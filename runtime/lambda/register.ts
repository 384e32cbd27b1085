/** The register Lambda: called with a worker's manifest once its code is live. */
import { isPerdureError } from "../../sdk/error-catalogue.js";
import { registerApp, type Registration, type RegistrationResult } from "../registry/register.js";
import { wire } from "./wiring.js";

type Answer =
  { ok: true; result: RegistrationResult } | { ok: false; error: { code: string; message: string; remedy: string } };

/** A refusal is an answer, so that whoever deploys can show it; anything else is an error. */
export const handler = async (registration: Registration): Promise<Answer> => {
  try {
    return { ok: true, result: await registerApp(wire().services, registration) };
  } catch (error) {
    if (!isPerdureError(error) || error.retryable) throw error;
    const { code, message, remedy } = error;
    return { ok: false, error: { code, message, remedy } };
  }
};
