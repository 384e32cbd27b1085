/** Owns: the name of what an app has registered: a hash of its functions and its queue, in whatever order they come. */
import { createHash } from "node:crypto";
import type { FunctionConfig } from "../../sdk/protocol.js";

export function versionOf(functions: readonly FunctionConfig[], stepQueueUrl: string): string {
  const sorted = [...functions].sort((a, b) => (a.id < b.id ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([sorted, stepQueueUrl]))
    .digest("base64url")
    .slice(0, 22);
}
