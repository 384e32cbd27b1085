/**
 * Owns: the rules all SQS batches share: one to ten entries, distinct ids of legal form, one verdict for each entry.
 * Source: SQS API reference, SendMessageBatch (the other batches have the same errors).
 */
import type { Parameters } from "../input/parameters.js";
import { AwsServiceError, type Output } from "../model.js";
import { missingParameter } from "./errors.js";

const MAX_ENTRIES = 10;
const ENTRY_ID = /^[A-Za-z0-9_-]{1,80}$/;

/** An entry that was read, or the reason why it fails on its own. */
type Reading<Entry> = { id: string; entry: Entry } | { id: string; failure: AwsServiceError };

/** Refusals of the form of the request, which fail the whole batch. */
const WHOLE_REQUEST: ReadonlySet<string> = new Set(["MissingParameter", "SerializationException"]);

function checkIds(ids: readonly string[]): void {
  if (ids.length === 0) {
    throw new AwsServiceError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (ids.length > MAX_ENTRIES) {
    throw new AwsServiceError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${MAX_ENTRIES}. You have sent ${ids.length}.`,
    );
  }
  const seen = new Set<string>();
  for (const id of ids) {
    if (!ENTRY_ID.test(id)) {
      throw new AwsServiceError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (seen.has(id)) throw new AwsServiceError("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
    seen.add(id);
  }
}

function attempt<Result>(work: () => Result): Result | AwsServiceError {
  try {
    return work();
  } catch (error) {
    if (error instanceof AwsServiceError && !WHOLE_REQUEST.has(error.name)) return error;
    throw error;
  }
}

/** Reads every entry before any is applied, so that a malformed request changes nothing. */
export function readBatch<Entry>(
  parameters: Parameters,
  known: readonly string[],
  read: (entry: Parameters) => Entry,
): Reading<Entry>[] {
  const entries = parameters.structures("Entries", ["Id", ...known]);
  if (entries === undefined) throw missingParameter("Entries");
  const ids = entries.map((entry) => entry.requireText("Id"));
  checkIds(ids);
  return entries.map((entry, index) => {
    const id = ids[index] ?? "";
    const result = attempt(() => read(entry));
    return result instanceof AwsServiceError ? { id, failure: result } : { id, entry: result };
  });
}

/** Applies the entries in order. One that fails does not keep the others from succeeding. */
export function applyBatch<Entry>(readings: readonly Reading<Entry>[], apply: (entry: Entry) => Output): Output {
  const successful: Output[] = [];
  const failed: Output[] = [];
  for (const reading of readings) {
    const result = "failure" in reading ? reading.failure : attempt(() => apply(reading.entry));
    if (result instanceof AwsServiceError) {
      failed.push({ Id: reading.id, SenderFault: true, Code: result.name, Message: result.message });
    } else successful.push({ Id: reading.id, ...result });
  }
  return { Successful: successful, Failed: failed };
}
