/**
 * Owns: an event to try a function with: taken from `samples.json` beside the entry (a list of events), else made up.
 * Must not: run the user's code to get one.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AppManifest, TriggerConfig } from "../../sdk/protocol.js";

const SAMPLES_FILE = "samples.json";

export interface SampleEvent {
  name: string;
  data: unknown;
}

/** An event that starts the first function that waits for one; undefined when none does. */
export function sampleEvent(manifest: AppManifest, entry: string): SampleEvent | undefined {
  const names = manifest.functions.flatMap((config) => config.triggers.flatMap(exactEventName));
  const sample = readSamples(join(dirname(entry), SAMPLES_FILE)).find((event) => names.includes(event.name));
  if (sample !== undefined) return { name: sample.name, data: sample.data };
  const [name] = names;
  return name === undefined ? undefined : { name, data: {} };
}

/** A wildcard is answered with a name it matches: "app/user.*" by "app/user.example". */
function exactEventName(trigger: TriggerConfig): string[] {
  return "event" in trigger ? [trigger.event.replace(/\*$/, "example")] : [];
}

/** The samples beside the entry, or none: the file is a convenience and may be absent or not what we expect. */
function readSamples(file: string): SampleEvent[] {
  try {
    const content: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(content) ? content.filter(isSample) : [];
  } catch {
    return [];
  }
}

function isSample(value: unknown): value is SampleEvent {
  return (
    typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" && "data" in value
  );
}

/** A command to paste into a POSIX shell. */
export function curlCommand(url: string, eventKey: string, event: SampleEvent): string {
  const json = JSON.stringify({ name: event.name, data: event.data }).replaceAll("'", "'\\''");
  return `curl -X POST ${url}/e/${eventKey} -H 'content-type: application/json' -d '${json}'`;
}
