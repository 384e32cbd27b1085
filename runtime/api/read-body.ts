/** Owns: reading a JSON body strictly: what is not known is refused, never ignored, as in a query. */
import { shown } from "../../sdk/error-catalogue.js";
import { invalidBody } from "./errors.js";

/** The body's own members. Throws INVALID_BODY for what is no object, or has a member that is not among `allowed`. */
export function readMembers(body: unknown, allowed: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalidBody({ is: "it is no object", expected: `an object with ${allowed.join(", ")}` });
  }
  const unknown = Object.keys(body).find((name) => !allowed.includes(name));
  if (unknown !== undefined) {
    throw invalidBody({ is: `it has the member ${shown(unknown)}`, expected: `only ${allowed.join(", ")}` });
  }
  return new Map(Object.entries(body));
}
