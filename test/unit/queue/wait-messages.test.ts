/**
 * Goal: what dispatch sends itself of waits comes back as it was sent; anything else of the kind is quarantined, not acted upon.
 * Method: messages written and read; each with one member that is missing or of another kind.
 */
import { describe, expect, it } from "vitest";
import { timeBound, waiterPartition } from "../../../runtime/state/keys.js";
import { stepHash } from "../../../runtime/core/ids.js";
import { encodeMessage, readDispatchMessage, type DispatchMessage } from "../../../runtime/queue/messages.js";

const run = "shop_0123456789abcdefghjkmnpqrs";
const event = "01KJPWD6M08V6H4WYWJZSK6CFN";
const op = stepHash("wait", 0);
const key = waiterPartition("shop", "shop/order.paid", [], []);
const match: DispatchMessage = { v: 1, kind: "match", event, key, after: `${run}#${op}` };
const lookback: DispatchMessage = {
  v: 1,
  kind: "lookback",
  run,
  fn: "f",
  op,
  on: [{ event: "a" }, { event: "b", if: "async.data.x == 1" }],
  trigger: event,
  afterMs: 1,
  untilMs: 2,
  excluded: [event],
};

describe("messages about waits", () => {
  it.each<DispatchMessage>([
    match,
    lookback,
    { ...lookback, op: null },
    { ...lookback, from: `${timeBound(1)}${event}`, again: true },
    { ...lookback, returns: 3 },
  ])("come back as they were sent", (message) => {
    expect(readDispatchMessage(encodeMessage(message))).toEqual(message);
  });

  it.each<[string, object]>([
    ["match", { event: undefined }],
    ["match", { key: 7 }],
    ["match", { after: null }],
    ["lookback", { run: "no run" }],
    ["lookback", { fn: undefined }],
    ["lookback", { op: undefined }],
    ["lookback", { on: [{ if: "true" }] }],
    ["lookback", { on: "a" }],
    ["lookback", { trigger: 1 }],
    ["lookback", { afterMs: "1" }],
    ["lookback", { untilMs: null }],
    ["lookback", { excluded: [1] }],
  ])("are not taken for one: %s with %j", (kind, change) => {
    const message = { ...(kind === "match" ? match : lookback), ...change };
    expect(readDispatchMessage(JSON.stringify(message))).toHaveProperty("unreadable");
  });

  it.each<[string, boolean]>([
    ["1e308", true],
    ["1E-999", true],
    [`"1e999 ${"1".repeat(400)}"`, true],
    ["1".repeat(309), true],
    ["1e309", false],
    ["[1E0999]", false],
    [`{"a":[-${"1".repeat(211)}e99]}`, false],
    ["2".repeat(309), false],
  ])("hold no number that would be another one when they are sent on: %s", (data, isRead) => {
    const read = readDispatchMessage(`{"v":1,"kind":"signal","signal":"s","token":"t","data":${data}}`);
    expect("unreadable" in read).toBe(!isRead);
  });
});
