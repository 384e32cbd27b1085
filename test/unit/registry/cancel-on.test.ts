/**
 * Goal: a `cancelOn` that dispatch could not use is refused at registration, whoever wrote the manifest.
 * Method: manifests as another process, or another language, might send them; the problem named is compared.
 */
import { describe, expect, it } from "vitest";
import { checkManifest } from "../../../runtime/registry/check-manifest.js";
import type { AppManifest } from "../../../sdk/protocol.js";

function manifest(cancelOn: unknown): AppManifest {
  const fn = { id: "f", name: "f", triggers: [{ event: "a" }], retries: 4, cancelOn };
  // What came over a wire may be anything.
  return { appId: "shop", sdkVersion: "0", functions: [fn] } as AppManifest;
}

describe("cancelOn in a manifest", () => {
  it("may have five entries, each with a condition and a time, and name the platform's own events", () => {
    const entries = Array.from({ length: 4 }, (_, n) => ({
      event: `e/${n}`,
      if: "async.data.x == event.data.x && async.data.list.exists(i, i == event.data.y)",
      timeoutMs: 366 * 86_400_000,
    }));
    const given = manifest([...entries, { event: "perdure/function.failed" }]);
    expect(checkManifest(given)).toBe(given);
  });

  it.each([
    ["text", "all", "its cancelOn is"],
    ["six entries", Array.from({ length: 6 }, () => ({ event: "a" })), "its cancelOn is"],
    ["null as an entry", [null], "an entry of its cancelOn is null"],
    ["no event", [{ if: "true" }], "in its cancelOn"],
    ["a wildcard", [{ event: "a/*" }], "in its cancelOn its event name has a wildcard"],
    ["a reserved name", [{ event: "perdure/secret" }], "are reserved"],
    ["an expression that is none", [{ event: "a", if: "async.data.x ==" }], "EXPRESSION_INVALID"],
    ["an expression that is no text", [{ event: "a", if: 7 }], "its cancelOn is 7"],
    ["another variable", [{ event: "a", if: "now.data.x == 1" }], '"now" is not known'],
    ["a time below zero", [{ event: "a", timeoutMs: -1 }], "a timeout of its cancelOn is -1"],
    ["a time above a year", [{ event: "a", timeoutMs: 400 * 86_400_000 }], "a timeout of its cancelOn is"],
    ["a time as text", [{ event: "a", timeoutMs: "7d" }], 'a timeout of its cancelOn is "7d"'],
  ])("is refused: %s", (_, cancelOn, is) => {
    expect(() => checkManifest(manifest(cancelOn))).toThrow(is);
  });
});
