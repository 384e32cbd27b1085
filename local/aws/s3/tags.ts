/**
 * Owns: object tags: their two written forms (a query string in PutObject, a list elsewhere) and their limits.
 * Source: S3 user guide, "Categorizing your storage using tags".
 */
import type { Parameters } from "../input/parameters.js";
import { AwsServiceError, type Output } from "../model.js";
import { invalidArgument, invalidTag, malformedXml } from "./errors.js";

/** Pairs in the order given. */
export type Tags = [key: string, value: string][];

const MAX_TAGS = 10;
const MAX_KEY_CHARACTERS = 128;
const MAX_VALUE_CHARACTERS = 256;
const ALLOWED = /^[\p{L}\p{N}\p{Z}+\-=._:/@]*$/u;

function checkedTags(tags: Tags): Tags {
  if (tags.length > MAX_TAGS) {
    throw new AwsServiceError("BadRequest", `Object tags cannot be greater than ${MAX_TAGS}`);
  }
  const seen = new Set<string>();
  for (const [key, value] of tags) {
    if (key === "" || key.length > MAX_KEY_CHARACTERS || !ALLOWED.test(key)) {
      throw invalidTag("The TagKey you have provided is invalid");
    }
    if (value.length > MAX_VALUE_CHARACTERS || !ALLOWED.test(value)) {
      throw invalidTag("The TagValue you have provided is invalid");
    }
    if (seen.has(key)) throw invalidTag("Cannot provide multiple Tags with the same key");
    seen.add(key);
  }
  return tags;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters");
  }
}

/** `a=1&b=2`, percent-encoded. */
export function readTagging(text: string | undefined): Tags {
  if (text === undefined || text === "") return [];
  const tags = text.split("&").map((pair): [string, string] => {
    const at = pair.indexOf("=");
    return at < 0 ? [decoded(pair), ""] : [decoded(pair.slice(0, at)), decoded(pair.slice(at + 1))];
  });
  return checkedTags(tags);
}

/** `{ TagSet: [{ Key, Value }] }`. */
export function readTagSet(parameters: Parameters): Tags {
  const set = parameters.requireStructure("Tagging", ["TagSet"]).structures("TagSet", ["Key", "Value"]);
  if (set === undefined) throw malformedXml();
  return checkedTags(set.map((tag): [string, string] => [tag.requireText("Key"), tag.requireText("Value")]));
}

export function tagSetOutput(tags: Tags): Output[] {
  return tags.map(([Key, Value]) => ({ Key, Value }));
}
