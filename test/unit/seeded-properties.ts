/**
 * Owns: the seed of every property in the unit tests: a commit is asked the same each time. PERDURE_SEED asks others;
 * fast-check prints the seed of what it finds.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["PERDURE_SEED"] ?? "20260302") | 0 });
