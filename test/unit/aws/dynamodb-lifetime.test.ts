/**
 * Goal: items go when their time to live is over and someone says so, and the whole state survives as JSON.
 * Method: literal times; a snapshot is passed through JSON text and must restore to the same answers.
 */
import { describe, expect, it } from "vitest";
import { DynamoDbModel } from "../../../local/aws/dynamodb/dynamodb-model.js";
import { Fixture, ITEMS, key, refused, type Item } from "./dynamodb-fixture.js";

const enable = (fixture: Fixture, Enabled = true, AttributeName = "ttl") =>
  fixture.call("UpdateTimeToLive", { TableName: ITEMS, TimeToLiveSpecification: { Enabled, AttributeName } });
const expiring = (pk: string, seconds: string, more: Item = {}): Item => ({ ...key(pk), ttl: { N: seconds }, ...more });
const NOW_SECONDS = 1_000_000_000;
const NOW_MS = 1_000_000_000_000;

describe("time to live", () => {
  it("is described, enabled and disabled", () => {
    const fixture = new Fixture();
    const described = () => fixture.call("DescribeTimeToLive", { TableName: ITEMS });
    expect(described()).toEqual({ TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } });
    expect(enable(fixture)).toEqual({ TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" } });
    expect(described()).toEqual({ TimeToLiveDescription: { TimeToLiveStatus: "ENABLED", AttributeName: "ttl" } });
    expect(refused(() => enable(fixture))).toBe("ValidationException: TimeToLive is already enabled");
    expect(refused(() => enable(fixture, false, "other"))).toBe(
      "ValidationException: TimeToLive is active on a different AttributeName: current AttributeName is ttl",
    );
    enable(fixture, false);
    expect(refused(() => enable(fixture, false))).toBe("ValidationException: TimeToLive is already disabled");
  });

  it("expire() removes what is over, from the indexes too, and nothing else", () => {
    const fixture = new Fixture();
    enable(fixture);
    fixture.put(expiring("over", `${NOW_SECONDS - 1}`, { owner: { S: "ann" }, due: { N: "1" } }));
    fixture.put(expiring("now", `${NOW_SECONDS}`));
    fixture.put(expiring("later", `${NOW_SECONDS + 1}`));
    fixture.put(expiring("ancient", `${NOW_SECONDS - 6 * 365 * 24 * 3600}`));
    fixture.put({ ...key("text"), ttl: { S: "1" } });
    fixture.put(key("none"));
    expect(fixture.get(key("over"))).toBeDefined();
    expect(fixture.model.expire(NOW_MS)).toBe(1);
    expect(fixture.get(key("over"))).toBeUndefined();
    for (const pk of ["now", "later", "ancient", "text", "none"]) expect(fixture.get(key(pk))).toBeDefined();
    const query = {
      IndexName: "by-due",
      KeyConditionExpression: "#o = :o",
      ExpressionAttributeNames: { "#o": "owner" },
    };
    expect(fixture.query({ ...query, ExpressionAttributeValues: { ":o": { S: "ann" } } })["Items"]).toEqual([]);
  });

  it("follows updates and deletions of the attribute", () => {
    const fixture = new Fixture();
    enable(fixture);
    fixture.put(expiring("a", `${NOW_SECONDS - 1}`));
    fixture.update(
      key("a"),
      "SET #t = :t",
      { ":t": { N: `${NOW_SECONDS + 9}` } },
      { ExpressionAttributeNames: { "#t": "ttl" } },
    );
    expect(fixture.model.expire(NOW_MS)).toBe(0);
    fixture.update(key("a"), "REMOVE #t", {}, { ExpressionAttributeNames: { "#t": "ttl" } });
    expect(fixture.model.expire(NOW_MS + 10_000)).toBe(0);
  });

  it("nextExpiryAtMs() is when expire() will first remove something", () => {
    const fixture = new Fixture();
    enable(fixture);
    const next = () => fixture.model.nextExpiryAtMs(NOW_MS);
    expect(next()).toBeUndefined();
    fixture.put(expiring("late", `${NOW_SECONDS + 90_000}`));
    fixture.put(expiring("soon", `${NOW_SECONDS + 50}`));
    fixture.put(expiring("ancient", "5"));
    expect(next()).toBe(NOW_MS + 50_001);
    expect(fixture.model.expire(NOW_MS + 50_000)).toBe(0);
    expect(fixture.model.expire(NOW_MS + 50_001)).toBe(1);
    expect(next()).toBe(NOW_MS + 90_000_001);
  });

  it("takes in items that were there before it was enabled", () => {
    const fixture = new Fixture();
    fixture.put(expiring("a", "999999999"));
    expect(fixture.model.expire(NOW_MS)).toBe(0);
    enable(fixture);
    expect(fixture.model.expire(NOW_MS)).toBe(1);
  });
});

describe("snapshot and restore", () => {
  const everything: Item = {
    ...key("x"),
    n: { N: "-1.5" },
    b: { B: Uint8Array.of(0, 255) },
    yes: { BOOL: true },
    nil: { NULL: true },
    m: { M: { inner: { L: [{ S: "" }, { B: Uint8Array.of() }] } } },
    ss: { SS: ["a", "b"] },
    ns: { NS: ["1", "2"] },
    bs: { BS: [Uint8Array.of(1), Uint8Array.of()] },
    owner: { S: "ann" },
    due: { N: "7" },
    ttl: { N: "999999999" },
  };

  it("keep tables, items, indexes and time to live through JSON text", () => {
    const before = new Fixture();
    enable(before);
    before.put(everything);
    for (const sk of ["b", "a", "c"]) before.put(key("y", sk));
    const text = JSON.stringify(before.model.snapshot());

    const after = new Fixture();
    after.put(key("forgotten"));
    after.model.restore(JSON.parse(text));
    expect(after.get(key("x"))).toEqual(everything);
    expect(after.get(key("forgotten"))).toBeUndefined();
    const partition = { KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": { S: "y" } } };
    expect(after.query(partition)["Items"]).toEqual([key("y", "a"), key("y", "b"), key("y", "c")]);
    const byDue = {
      IndexName: "some",
      KeyConditionExpression: "due = :d",
      ExpressionAttributeValues: { ":d": { N: "7" } },
    };
    expect(after.query(byDue)["Count"]).toBe(1);
    expect(after.call("DescribeTable", { TableName: ITEMS })).toEqual(
      before.call("DescribeTable", { TableName: ITEMS }),
    );
    expect(JSON.stringify(after.model.snapshot())).toBe(text);
    expect(after.model.expire(NOW_MS)).toBe(1);
  });

  it("restored state goes on like any other", () => {
    const fixture = new Fixture();
    fixture.put(everything);
    fixture.model.restore(fixture.model.snapshot());
    fixture.update(key("x"), "REMOVE due");
    expect(fixture.billed).toEqual({ writeUnits: 1, indexWriteUnits: 3, readUnits: 0 });
  });

  it("refuse what is no snapshot", () => {
    for (const value of [undefined, null, {}, { version: 2 }, "text"]) {
      expect(refused(() => new DynamoDbModel().restore(value))).toMatch(/^NotModelledError: .*form of snapshot/);
    }
  });
});
