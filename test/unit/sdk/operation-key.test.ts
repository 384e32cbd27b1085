/**
 * Goal: the key of an operation stays what it is from release to release (an API may hold it for weeks), and no two operations
 * share one.
 * Method: literals; ids made to look like the border between their neighbours.
 */
import { expect, it } from "vitest";
import { operationKey } from "../../../sdk/host/step-context.js";

const RUN = "shop_0123456789abcdefghjkmnpqrs";

it("is what it has always been", () => {
  expect(operationKey(RUN, { id: "charge", i: 0 })).toBe("89d7cbeb-83f7-8cc9-b1bd-6f44f96b00cf");
  expect(operationKey(RUN, { id: "charge", i: 1 })).toBe("d61985df-f0b6-8e23-b73c-262944d3443a");
});

it("tells apart what looks alike", () => {
  const keys = [
    operationKey(RUN, { id: "a", i: 11 }),
    operationKey(RUN, { id: "a1", i: 1 }),
    operationKey(RUN, { id: 'a",1', i: 1 }),
    operationKey(`${RUN}a`, { id: "", i: 1 }),
    operationKey(RUN, { id: "\ud800", i: 1 }),
    operationKey(RUN, { id: "\ud801", i: 1 }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});
