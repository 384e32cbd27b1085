/** Owns: where this package's own built files are, wherever its code was bundled into. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runtimeNotBuilt } from "./errors.js";

/** The directory with sdk.js, lambda.js and runtime/. Throws RUNTIME_NOT_BUILT. */
export function installation(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  // Built: dist/ or dist/chunks/. From source: infra/, beside dist/.
  const candidates = [here, join(here, ".."), join(here, "..", "dist")];
  const found = candidates.find((directory) => existsSync(join(directory, "runtime", "package.json")));
  if (found === undefined) throw runtimeNotBuilt({ directory: here });
  return found;
}
