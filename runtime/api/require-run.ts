/** Owns: from a run id in a path to the run, or NOT_FOUND. Text from outside becomes a key only after `parseRunId`. */
import { parseRunId } from "../core/ids.js";
import { notFound } from "./errors.js";

/** What `read` finds under the id. */
export async function requireRun<Run>(id: string, read: (runId: string) => Promise<Run | null>): Promise<Run> {
  const run = parseRunId(id) === null ? null : await read(id);
  if (run === null) throw notFound({ thing: "run", id });
  return run;
}
