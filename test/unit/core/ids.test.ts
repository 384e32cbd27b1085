/**
 * Goal: ids have the documented form, are the same for the same cause and differ for any other, and come apart again.
 * Method: literals computed outside this code (SHA-256 and base 32 by another implementation), and hostile text.
 */
import { describe, expect, it } from "vitest";
import {
  appIdPattern,
  appOfRun,
  childEventId,
  functionIdPattern,
  isUlid,
  parseRunId,
  runIdOf,
  stepHash,
  ulid,
  ulidTime,
} from "../../../runtime/core/ids.js";

describe("ulid()", () => {
  it("is ten characters of time and sixteen of chance", () => {
    expect(ulid(1_469_918_176_385, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))).toBe("01ARYZ6S41041061050R3GG28A");
    expect(ulid(0, new Uint8Array(10))).toBe("00000000000000000000000000");
    expect(ulid(281_474_976_710_655, new Uint8Array(10).fill(255))).toBe("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  });

  it("sorts by time as text", () => {
    const chance = new Uint8Array(10).fill(255);
    const earlier = ulid(1_700_000_000_000, chance);
    const later = ulid(1_700_000_000_001, new Uint8Array(10));
    expect(earlier < later).toBe(true);
  });

  it("refuses a time it cannot carry and the wrong amount of chance", () => {
    for (const time of [-1, 1.5, Number.NaN, 281_474_976_710_656]) {
      expect(() => ulid(time, new Uint8Array(10))).toThrow(RangeError);
    }
    expect(() => ulid(0, new Uint8Array(9))).toThrow("from 9 random bytes; expected 10");
  });
});

describe("ulidTime()", () => {
  it("gives back the time, null for what is no ULID", () => {
    expect(ulidTime("01ARYZ6S41041061050R3GG28A")).toBe(1_469_918_176_385);
    expect(ulidTime("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")).toBe(281_474_976_710_655);
    for (const text of ["", "01ARYZ6S41041061050R3GG28", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41041061050R3GG28I"]) {
      expect(ulidTime(text)).toBeNull();
      expect(isUlid(text)).toBe(false);
    }
  });
});

describe("stepHash()", () => {
  it("depends on the id and the occurrence", () => {
    expect(stepHash("charge", 0)).toBe("bpembk1qyp74t538e9p3nyvq79");
    expect(stepHash("charge", 1)).toBe("b3c8whpva2p02ptynmfbp3mn9g");
  });

  it("keeps apart what joins or UTF-8 would make equal", () => {
    expect(stepHash("a:1", 0)).not.toBe(stepHash("a", 10));
    expect(stepHash("\ud800", 0)).toBe("svhyxcm8qzaneppywqm5jqkcph");
    expect(stepHash("\ufffd", 0)).toBe("vraxjw8vnn1psf42skr1psr7xg");
  });
});

describe("runIdOf()", () => {
  const runId = runIdOf("shop", "process-document", "01JD3M0000000000000000000A");

  it("is the app and a hash of what started the run", () => {
    expect(runId).toBe("shop_w9fmpztwment2d455v4tvayraw");
  });

  it("differs by app, function and event", () => {
    const ids = [
      runId,
      runIdOf("shop", "process-document", "01JD3M0000000000000000000B"),
      runIdOf("shop", "process", "01JD3M0000000000000000000A"),
      runIdOf("shop2", "process-document", "01JD3M0000000000000000000A"),
    ];
    expect(new Set(ids.map((id) => id.split("_")[1])).size).toBe(4);
  });

  it("comes apart again", () => {
    expect(parseRunId(runId)).toEqual({ appId: "shop", hash: "w9fmpztwment2d455v4tvayraw" });
    expect(appOfRun(runId)).toBe("shop");
  });

  it.each([
    "",
    "shop",
    "shop_",
    "_w9fmpztwment2d455v4tvayraw",
    "shop_w9fmpztwment2d455v4tvayra",
    "shop_w9fmpztwment2d455v4tvayraww",
    "shop_W9FMPZTWMENT2D455V4TVAYRAW",
    "shop_w9fmpztwment2d455v4tvayraw\n",
    "sh#op_w9fmpztwment2d455v4tvayraw",
    "a#RUN#shop_w9fmpztwment2d455v4tvayraw",
    "shop_w9fmpztwment2d455v4tvayrai",
  ])("does not take %j for a run id", (text) => {
    expect(parseRunId(text)).toBeNull();
    expect(() => appOfRun(text)).toThrow("it is no run id");
  });
});

describe("childEventId()", () => {
  it("is a ULID derived from the seed and the index", () => {
    expect(childEventId("seed-a", 0, 1_700_000_000_000)).toBe("01HF7YAT00KXDG5XJEYXJ5RPD7");
    expect(childEventId("seed-a", 1, 1_700_000_000_000)).toBe("01HF7YAT009Q9Y36K5ZJV06JS9");
    expect(childEventId("seed-b", 0, 1_700_000_000_000)).not.toBe("01HF7YAT00KXDG5XJEYXJ5RPD7");
    expect(ulidTime(childEventId("seed-a", 4_999, 1_700_000_000_000))).toBe(1_700_000_000_000);
  });
});

describe("appIdPattern and functionIdPattern", () => {
  it("take lowercase letters, digits and hyphens up to their length", () => {
    for (const id of ["shop", "a", "my-shop-2", "2fast", "a".repeat(40)]) expect(appIdPattern.test(id)).toBe(true);
    expect(functionIdPattern.test("f".repeat(80))).toBe(true);
    expect(appIdPattern.test("a".repeat(41))).toBe(false);
    expect(functionIdPattern.test("f".repeat(81))).toBe(false);
  });

  it("refuse what would break keys and run ids", () => {
    for (const id of ["", "Shop", "my_shop", "my/shop", "my#shop", "my shop", "-shop", "shöp", "shop\n", "__proto__"]) {
      expect(appIdPattern.test(id)).toBe(false);
      expect(functionIdPattern.test(id)).toBe(false);
    }
  });
});
