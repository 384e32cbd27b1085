/** Owns: a Standard Schema of one question, for tests that are about what happens around schemas. */
import type { StandardSchema } from "../../../sdk/index.js";

/** Fits what `fits` says yes to. Otherwise one issue, at the path `ok`. */
export function schemaOf<Data>(fits: (data: Partial<Data>) => boolean): StandardSchema<Data> {
  const isObject = (value: unknown): value is Partial<Data> => typeof value === "object" && value !== null;
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        isObject(value) && fits(value) ? { value } : { issues: [{ message: "does not fit", path: ["ok"] }] },
    },
  };
}
