/**
 * Goal: an expression that the service would refuse is refused, with its words; one that it takes means the same.
 * Method: literal expressions through PutItem and UpdateItem; what conditions mean is in the conformance suite as well.
 */
import { describe, expect, it } from "vitest";
import { Fixture, ITEMS, key, refused, type Item } from "./dynamodb-fixture.js";

const V: Item = { ":v": { N: "1" } };

function condition(text: string, values: Item | undefined = undefined, names?: Record<string, string>): string {
  const fixture = new Fixture();
  return refused(() =>
    fixture.put(key("x"), {
      ConditionExpression: text,
      ...(values === undefined ? {} : { ExpressionAttributeValues: values }),
      ...(names === undefined ? {} : { ExpressionAttributeNames: names }),
    }),
  );
}

function update(text: string, values: Item = {}, rest = {}): string {
  const fixture = new Fixture();
  fixture.put({ ...key("x"), txt: { S: "t" }, n: { N: "1" }, l: { L: [] }, m: { M: {} } });
  return refused(() => fixture.update(key("x"), text, values, rest));
}

describe("ConditionExpression", () => {
  it.each([
    ["", "The expression can not be empty;"],
    ["a = ", 'Syntax error; token: "<EOF>", near: "= "'],
    ["a = :v :v", 'Syntax error; token: ":v", near: ":v :v"'],
    ["= :v", 'Syntax error; token: "=", near: "= :v"'],
    ["a = 5", 'Syntax error; token: "5", near: "= 5"'],
    ["a ! :v", 'Syntax error; token: "!", near: "a ! :v"'],
    ["(a = :v", 'Syntax error; token: "<EOF>", near: ":v"'],
    ["a BETWEEN :v OR :v", 'Syntax error; token: "OR", near: ":v OR :v"'],
    ["status = :v", "Attribute name is a reserved keyword; reserved keyword: status"],
    ["a.Name = :v", "Attribute name is a reserved keyword; reserved keyword: Name"],
    ["((a = :v))", "The expression has redundant parentheses;"],
    ["((a = :v)) AND b = :v", "The expression has redundant parentheses;"],
    ["unknown(a)", "Invalid function name; function: unknown"],
    ["a = if_not_exists(a, :v)", "The function is not allowed in a condition expression; function: if_not_exists"],
    ["a = contains(a, :v)", "The function is not allowed to be used this way in an expression; function: contains"],
    [
      "begins_with(a)",
      "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
    ],
    [
      "attribute_exists(a, b)",
      "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
    ],
    ["attribute_exists(:v)", "Operator or function requires a document path; operator or function: attribute_exists"],
    [
      "a = b.c AND a = a",
      "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]",
    ],
    ["a = :w", "An expression attribute value used in expression is not defined; attribute value: :w"],
    ["#a = :v", "An expression attribute name used in the document path is not defined; attribute name: #a"],
  ])("refuses %j", (text, message) => {
    const given = text.includes(":v") ? V : undefined;
    expect(condition(text, given)).toBe(`ValidationException: Invalid ConditionExpression: ${message}`);
  });

  it.each([
    ["a < :v", { ":v": { BOOL: true } }, "operator or function: <, operand type: BOOL"],
    ["begins_with(a, :v)", { ":v": { N: "1" } }, "operator or function: begins_with, operand type: N"],
    ["a BETWEEN :v AND :v", { ":v": { SS: ["x"] } }, "operator or function: BETWEEN, operand type: SS"],
    ["size(:v) = b", { ":v": { N: "1" } }, "operator or function: size, operand type: N"],
    ["attribute_type(a, :v)", { ":v": { N: "1" } }, "operator or function: attribute_type, operand type: N"],
  ])("refuses operands of a wrong type: %s", (text, values, message) => {
    expect(condition(text, values)).toBe(
      `ValidationException: Invalid ConditionExpression: Incorrect operand type for operator or function; ${message}`,
    );
  });

  it("refuses bounds in the wrong order and unknown type names", () => {
    const bounds = { ":low": { N: "2" }, ":high": { N: "1" } };
    expect(condition("a BETWEEN :low AND :high", bounds)).toBe(
      "ValidationException: Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal " +
        "to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
    );
    expect(condition("a BETWEEN :low AND :high", { ":low": { N: "2" }, ":high": { S: "1" } })).toMatch(
      /requires same data type for lower and upper bounds/,
    );
    expect(condition("attribute_type(a, :v)", { ":v": { S: "X" } })).toBe(
      "ValidationException: Invalid ConditionExpression: Invalid attribute type name found; type: X, " +
        "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
    );
  });

  it("refuses what is given and not used", () => {
    expect(condition("attribute_exists(a)", V)).toBe(
      "ValidationException: Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
    );
    expect(condition("a = :v", V, { "#a": "a", "#b": "b" })).toBe(
      "ValidationException: Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}",
    );
  });

  it("refuses malformed names and values", () => {
    expect(condition("a = :v", { v: { N: "1" } })).toBe(
      'ValidationException: ExpressionAttributeValues contains invalid key: Syntax error; key: "v"',
    );
    expect(condition("a = :v", V, { a: "a" })).toBe(
      'ValidationException: ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
    );
    expect(condition("a = :v", {})).toBe("ValidationException: ExpressionAttributeValues must not be empty");
    expect(condition("a = :v", V, {})).toBe("ValidationException: ExpressionAttributeNames must not be empty");
    expect(condition("a = :v", { ":v": { N: "x" } })).toBe(
      "ValidationException: ExpressionAttributeValues contains invalid value: " +
        "The parameter cannot be converted to a numeric value: x for key :v",
    );
  });

  it("refuses names and values without an expression", () => {
    const fixture = new Fixture();
    expect(refused(() => fixture.put(key("x"), { ExpressionAttributeValues: V }))).toBe(
      "ValidationException: ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
    );
    const names = { TableName: ITEMS, Key: key("x"), ExpressionAttributeNames: { "#a": "a" } };
    expect(refused(() => fixture.call("UpdateItem", names))).toBe(
      "ValidationException: ExpressionAttributeNames can only be specified when using expressions: " +
        "UpdateExpression and ConditionExpression are null",
    );
  });

  it("refuses more than 4 KB of text and more than 100 operands of IN", () => {
    expect(condition(`attribute_exists(${"a".repeat(4080)})`)).toBe(
      "ValidationException: Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4098",
    );
    expect(condition(`a IN (${Array(101).fill(":v").join(",")})`, V)).toMatch(
      /too many operands; number of operands: 101/,
    );
  });

  it("does not model the size of a string beyond ASCII", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), s: { S: "é" } });
    const sized = { ConditionExpression: "size(s) = :v", ExpressionAttributeValues: V };
    expect(refused(() => fixture.put(key("x"), sized))).toMatch(/^NotModelledError: .*size of a string beyond ASCII/);
  });

  it("reads keywords in any case, and deep nesting of both operators", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), n: { N: "1" } });
    const text = "not n = :w and (n Between :v And :v or attribute_exists(a)) AND n in (:v)";
    const values = { ...V, ":w": { N: "2" } };
    expect(fixture.put(key("x"), { ConditionExpression: text, ExpressionAttributeValues: values })).toEqual({});
  });

  it("a failed condition is refused with the stored item only when asked", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), n: { N: "1" } });
    const conditionExpression = { ConditionExpression: "attribute_not_exists(pk)" };
    expect(refused(() => fixture.put(key("x"), conditionExpression))).toBe(
      "ConditionalCheckFailedException: The conditional request failed",
    );
  });
});

describe("UpdateExpression", () => {
  const invalid = (detail: string): string => `ValidationException: Invalid UpdateExpression: ${detail}`;

  it.each([
    ["", {}, "The expression can not be empty;"],
    ["BAD a = :v", V, 'Syntax error; token: "BAD", near: "BAD a"'],
    ["SET a = :v,", V, 'Syntax error; token: "<EOF>", near: ","'],
    ["SET a = :v SET b = :v", V, 'The "SET" section can only be used once in an update expression;'],
    ["SET a = size(n)", {}, "The function is not allowed in an update expression; function: size"],
    ["SET a = nothing(n)", {}, "Invalid function name; function: nothing"],
    [
      "SET a = if_not_exists(a)",
      {},
      "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
    ],
    [
      "SET a = if_not_exists(:v, a)",
      V,
      "Operator or function requires a document path; operator or function: if_not_exists",
    ],
    [
      "SET a.b = :v REMOVE a",
      V,
      "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]",
    ],
    [
      "SET a.b = :v, a[0] = :v",
      V,
      "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
    ],
    [
      "ADD a :v",
      { ":v": { S: "x" } },
      "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
    ],
    [
      "DELETE a :v",
      V,
      "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
    ],
    [
      "SET a = n + :v",
      { ":v": { S: "x" } },
      "Incorrect operand type for operator or function; operator or function: +, operand type: S",
    ],
    [
      "SET a = list_append(l, :v)",
      V,
      "Incorrect operand type for operator or function; operator or function: list_append, operand type: N",
    ],
  ])("refuses %j", (text, values, detail) => {
    expect(update(text, values)).toBe(invalid(detail));
  });

  it.each([
    ["SET a = absent", {}, "The provided expression refers to an attribute that does not exist in the item"],
    ["SET a = txt + :v", V, "An operand in the update expression has an incorrect data type"],
    ["SET a = list_append(n, l)", {}, "An operand in the update expression has an incorrect data type"],
    ["ADD txt :v", V, "An operand in the update expression has an incorrect data type"],
    ["SET absent.a = :v", V, "The document path provided in the update expression is invalid for update"],
    ["SET n.a = :v", V, "The document path provided in the update expression is invalid for update"],
    ["SET m[0] = :v", V, "The document path provided in the update expression is invalid for update"],
    ["REMOVE absent.a", {}, "The document path provided in the update expression is invalid for update"],
    [
      "SET sk = :v",
      V,
      "One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of the key",
    ],
    [
      "REMOVE pk",
      {},
      "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
    ],
    [
      "SET due = :s",
      { ":s": { S: "x" } },
      "The update expression attempted to update the secondary index key to unsupported type",
    ],
    [
      "SET #o = :s",
      { ":s": { S: "" } },
      "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value " +
        "that is not supported. The AttributeValue for a key attribute cannot contain an empty string value. " +
        "IndexName: by-due, IndexKey: owner",
    ],
  ])("refuses %j on an item it does not fit", (text, values, message) => {
    const rest = text.includes("#o") ? { ExpressionAttributeNames: { "#o": "owner" } } : {};
    expect(update(text, values, rest)).toBe(`ValidationException: ${message}`);
  });

  it("does not model nested ADD and DELETE", () => {
    expect(update("ADD m.n :v", V)).toMatch(/^NotModelledError: .*nested path/);
    expect(update("DELETE m.s :v", { ":v": { SS: ["x"] } })).toMatch(/^NotModelledError: .*nested path/);
  });

  it("a refused update changes nothing", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), a: { N: "1" } });
    refused(() => fixture.update(key("x"), "SET a = :v, b = absent", { ":v": { N: "2" } }));
    expect(fixture.get(key("x"))).toEqual({ ...key("x"), a: { N: "1" } });
  });

  it("sets of every type grow and shrink", () => {
    const fixture = new Fixture();
    const sets = { n: { NS: ["1", "2"] }, b: { BS: [Uint8Array.of(1)] }, s: { SS: ["a"] } };
    fixture.put({ ...key("x"), ...sets });
    const values = {
      ":n": { NS: ["2.0", "3"] },
      ":b": { BS: [Uint8Array.of(1), Uint8Array.of(2)] },
      ":s": { SS: ["b"] },
    };
    fixture.update(key("x"), "ADD n :n, b :b, s :s", values);
    expect(fixture.get(key("x"))).toEqual({
      ...key("x"),
      n: { NS: ["1", "2", "3"] },
      b: { BS: [Uint8Array.of(1), Uint8Array.of(2)] },
      s: { SS: ["a", "b"] },
    });
    fixture.update(key("x"), "DELETE n :n, b :b, s :s", values);
    expect(fixture.get(key("x"))).toEqual({ ...key("x"), n: { NS: ["1"] }, s: { SS: ["a"] } });
    expect(refused(() => fixture.update(key("x"), "DELETE n :s", { ":s": { SS: ["1"] } }))).toMatch(
      /incorrect data type/,
    );
  });

  it("UPDATED_NEW and UPDATED_OLD answer the parts an update names", () => {
    const fixture = new Fixture();
    fixture.put({ ...key("x"), m: { M: { a: { N: "1" }, b: { N: "2" } } }, l: { L: [{ N: "0" }, { N: "1" }] } });
    const set = "SET m.a = :v, l[1] = :v, fresh = :v";
    const answer = (ReturnValues: string) =>
      fixture.update(key("x"), set, { ":v": { N: "9" } }, { ReturnValues })["Attributes"];
    expect(answer("UPDATED_OLD")).toEqual({ m: { M: { a: { N: "1" } } }, l: { L: [{ N: "1" }] } });
    expect(answer("UPDATED_NEW")).toEqual({ m: { M: { a: { N: "9" } } }, l: { L: [{ N: "9" }] }, fresh: { N: "9" } });
  });
});

describe("ProjectionExpression", () => {
  const project = (ProjectionExpression: string) => {
    const fixture = new Fixture();
    fixture.put({
      ...key("x"),
      m: { M: { a: { S: "1" }, b: { S: "2" } } },
      l: { L: [{ S: "0" }, { S: "1" }, { S: "2" }] },
    });
    return fixture.call("GetItem", { TableName: ITEMS, Key: key("x"), ProjectionExpression })["Item"];
  };

  it("answers parts, list elements in the list's order, and nothing for what is not there", () => {
    expect(project("m.b, l[2], l[0], absent, m.absent, l[9], pk.x")).toEqual({
      m: { M: { b: { S: "2" } } },
      l: { L: [{ S: "0" }, { S: "2" }] },
    });
  });

  it("refuses paths that overlap", () => {
    expect(refused(() => project("m, m.a"))).toBe(
      "ValidationException: Invalid ProjectionExpression: Two document paths overlap with each other; " +
        "must remove or rewrite one of these paths; path one: [m], path two: [m, a]",
    );
  });
});
