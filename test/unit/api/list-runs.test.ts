/**
 * Goal: the list of runs is complete, newest first, each run once, over functions, shards, months and pages; what is asked
 * wrongly is refused; one page's work is bounded.
 * Method: heads written through the store at chosen times; ids as literals; calls counted.
 */
import { BatchGetItemCommand, DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunStore } from "../../../runtime/state/run-store.js";
import { createWorld, NOW_MS, register, runId, type Reply, type World } from "./world.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: World;
beforeEach(async () => {
  world = await createWorld();
  await register(world, "shop", ["checkout", "mail"]);
});
afterEach(() => world.close());

const list = (query = ""): Promise<Reply> => world.ask("/api/v1/runs", { query });

function idsOf(reply: Reply): string[] {
  const rows: unknown[] = Array.isArray(reply.body.data) ? reply.body.data : [];
  return rows.map((row) => (typeof row === "object" && row !== null && "id" in row ? String(row.id) : ""));
}

/** The number a test gave the run. */
const numbersOf = (reply: Reply): number[] => idsOf(reply).map((id) => Number(id.slice(id.indexOf("_") + 1)));

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Every page, as a client walks them. */
async function walk(query: string): Promise<number[][]> {
  const pages: number[][] = [];
  let cursor = "";
  for (let page = 0; page < 100; page += 1) {
    const reply = await list(cursor === "" ? query : `${query}&cursor=${cursor}`);
    expect(reply.status).toBe(200);
    pages.push(numbersOf(reply));
    if (reply.body.cursor === undefined) return pages;
    cursor = reply.body.cursor;
  }
  throw new Error("The list has no end");
}

describe("GET /api/v1/runs", () => {
  it("is empty, and has no cursor, when there are no runs", async () => {
    expect((await list()).body).toEqual({ data: [] });
  });

  it("shows runs as their heads say", async () => {
    const id = await world.createRun(1);
    await world.claim(id);
    await world.complete(id, { ok: true });
    expect((await list()).body).toEqual({
      data: [
        {
          id: "shop_00000000000000000000000001",
          functionId: "checkout",
          appId: "shop",
          eventId: "01KK0000000000000000000001",
          status: "Completed",
          output: { ok: true },
          error: null,
          reason: null,
          queuedAt: "2026-03-10T12:00:00.000Z",
          startedAt: "2026-03-10T12:00:00.000Z",
          endedAt: "2026-03-10T12:00:00.000Z",
        },
      ],
    });
  });

  it("merges functions, shards and months, newest first", async () => {
    for (let number = 1; number <= 40; number += 1) {
      const functionId = number % 3 === 0 ? "mail" : "checkout";
      await world.createRun(number, { functionId, createdAtMs: NOW_MS - number * 5 * DAY_MS });
    }
    const newestFirst = Array.from({ length: 40 }, (_, index) => index + 1);
    expect(await walk("")).toEqual([newestFirst]);
    expect((await walk("limit=7")).map((page) => page.length)).toEqual([7, 7, 7, 7, 7, 5]);
    expect((await walk("limit=7")).flat()).toEqual(newestFirst);
    expect((await walk("limit=1")).flat()).toEqual(newestFirst);
  });

  it("gives every run once when all were created in the same millisecond", async () => {
    for (let number = 1; number <= 30; number += 1) await world.createRun(number);
    const pages = await walk("limit=4");
    expect(pages.flat()).toEqual(Array.from({ length: 30 }, (_, index) => 30 - index));
  });

  it("has no cursor when the last page is exactly full", async () => {
    for (let number = 1; number <= 6; number += 1) await world.createRun(number);
    expect(await walk("limit=3")).toEqual([
      [6, 5, 4],
      [3, 2, 1],
    ]);
  });

  it("shows 50 runs a page, and up to 200", async () => {
    for (let number = 1; number <= 201; number += 1) {
      await world.createRun(number, { createdAtMs: NOW_MS - number });
    }
    expect((await walk("")).map((page) => page.length)).toEqual([50, 50, 50, 50, 1]);
    expect((await walk("limit=200")).map((page) => page.length)).toEqual([200, 1]);
  });

  it("goes on where a page ended while new runs come", async () => {
    for (let number = 1; number <= 4; number += 1) await world.createRun(number, { createdAtMs: NOW_MS - number });
    const first = await list("limit=2");
    await world.clock.advance(1_000);
    await world.createRun(9);
    const second = await list(`limit=2&cursor=${first.body.cursor}`);
    expect([numbersOf(first), numbersOf(second)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("leaves out what only the index still has", async () => {
    // Each is written twice: a stale index has not heard of the second write, be it a claim or a delete.
    for (let number = 1; number <= 3; number += 1) await world.claim(await world.createRun(number));
    const gone = { pk: { S: `shop#RUN#${runId(2)}` }, sk: { S: "RUN" } };
    await world.services.clients.dynamodb.send(new DeleteItemCommand({ TableName: "perdure", Key: gone }));
    world.aws.faults.add((call) => (call.input["IndexName"] === "byFunction" ? "stale" : undefined));
    expect(numbersOf(await list())).toEqual([3, 1]);
  });

  it("leaves out large outputs, saying so", async () => {
    const [small, large] = [await world.createRun(1), await world.createRun(2)];
    for (const id of [small, large]) await world.claim(id);
    await world.complete(small, "a".repeat(60_000));
    await world.complete(large, "a".repeat(70_000));
    expect((await list()).body.data).toMatchObject([
      { id: large, output: null, outputOmitted: true },
      { id: small, output: "a".repeat(60_000) },
    ]);
  });
});

describe("function=", () => {
  beforeEach(async () => {
    await register(world, "crm", ["mail", "import"]);
    await world.createRun(1, { functionId: "checkout" });
    await world.createRun(2, { functionId: "mail" });
    await world.createRun(3, { functionId: "mail", runId: runId(3, "crm") });
    await world.createRun(4, { functionId: "import", runId: runId(4, "crm") });
  });

  it.each([
    ["function=shop/checkout", [1]],
    ["function=shop%2Fmail", [2]],
    ["function=crm/mail", [3]],
    ["function=checkout", [1]],
    ["function=import", [4]],
    ["function=shop/import", []],
    ["function=nobody/nothing", []],
  ])("%s", async (query, expected) => {
    expect(numbersOf(await list(query))).toEqual(expected);
  });

  it("lists a function that is no longer registered by its whole name", async () => {
    await register(world, "crm", ["mail"]);
    expect(numbersOf(await list("function=crm/import"))).toEqual([4]);
    expect((await list("function=import")).status).toBe(400);
  });

  it("without it lists what is registered", async () => {
    expect((await walk("limit=1")).flat().toSorted()).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ["function=mail", '"mail"'],
    ["function=nothing", '"nothing"'],
    ["function=", '""'],
    ["function=shop/", '"shop/"'],
    ["function=/checkout", '"/checkout"'],
    ["function=shop/checkout/x", '"shop/checkout/x"'],
    ["function=shop%23checkout", '"shop#checkout"'],
    ["function=shop/checkout%23", '"shop/checkout#"'],
    ["function=shop/%00", '"shop/\\u0000"'],
    ["function=../../etc", '"../../etc"'],
    ["function=__proto__", '"__proto__"'],
    ["function=Shop/checkout", '"Shop/checkout"'],
  ])("refuses %s", async (query, said) => {
    const reply = await list(query);
    expect(reply.status).toBe(400);
    expect(reply.body.error?.code).toBe("INVALID_QUERY");
    expect(reply.body.error?.message).toContain(said);
  });
});

describe("status=", () => {
  it("filters by what the head says now", async () => {
    for (let number = 1; number <= 9; number += 1) {
      const id = await world.createRun(number, { createdAtMs: NOW_MS - number });
      if (number % 3 === 0) await world.claim(id);
      if (number === 6) await world.complete(id, null);
      if (number === 9) await world.fail(id, { name: "Error", message: "no" });
    }
    await world.ask(`/api/v1/runs/${runId(1)}`, { method: "DELETE" });
    expect(await walk("status=Queued&limit=2")).toEqual([[2, 4], [5, 7], [8]]);
    expect(await walk("status=Running")).toEqual([[3]]);
    expect(await walk("status=Completed")).toEqual([[6]]);
    expect(await walk("status=Failed")).toEqual([[9]]);
    expect(await walk("status=Cancelled")).toEqual([[1]]);
  });

  it("looks at a thousand runs a page and goes on from there", async () => {
    const runs = new RunStore(world.services);
    for (let number = 1; number <= 1_250; number += 1) {
      await world.createRun(number, { createdAtMs: NOW_MS - number });
    }
    await world.fail(runId(1_200), { name: "Error", message: "no" });
    expect((await runs.get(runId(1_200)))?.head.status).toBe("Failed");
    expect(await walk("status=Failed")).toEqual([[], [1_200]]);
  });

  it.each(["status=failed", "status=", "status=Done", "status=__proto__", "status=Failed,Queued"])(
    "refuses %s",
    async (query) => {
      expect((await list(query)).body.error).toMatchObject({ code: "INVALID_QUERY" });
    },
  );
});

describe("from= and until=", () => {
  beforeEach(async () => {
    // 2026-03-10 12:00 and one day earlier each: 1 is today, 12 is February 27th.
    for (let number = 1; number <= 12; number += 1) {
      await world.createRun(number, { createdAtMs: NOW_MS - (number - 1) * DAY_MS });
    }
  });

  it.each([
    ["from=2026-03-09", [1, 2]],
    ["from=2026-03-09T12:00:00Z", [1, 2]],
    ["from=2026-03-09T12:00:00.001Z", [1]],
    ["from=2026-03-09T13:00:00%2B01:00", [1, 2]],
    ["from=1773057600000", [1, 2]],
    ["until=2026-02-28T12:00:00Z", [12]],
    ["from=2026-02-28T12:00:00Z&until=2026-03-02T12:00:00Z", [10, 11]],
    ["from=2026-03-10T12:00:00Z&until=2026-03-10T12:00:00.001Z", [1]],
    ["until=2024-01-01", []],
    ["from=2027-01-01", []],
    ["from=2026-03-20", []],
    [`from=2026-03-05&cursor=${encode({ v: 1, before: "01772409600000#" })}`, []],
    ["from=2026-03-09&until=9999-12-31", [1, 2]],
    ["from=0&until=2026-02-28", [12]],
  ])("%s", async (query, expected) => {
    expect((await walk(query)).flat()).toEqual(expected);
  });

  it("consecutive ranges neither overlap nor leave a gap", async () => {
    const [later, earlier] = await Promise.all([walk("from=2026-03-05T12:00Z"), walk("until=2026-03-05T12:00Z")]);
    expect([...later.flat(), ...earlier.flat()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it.each([
    "from=yesterday",
    "from=",
    "from=2026-02-30",
    "from=2026-13-01",
    "from=2026-03-09T12:00:00",
    "from=2026-03-09T12:00:00+01:00",
    "from=2026-03-09T25:00:00Z",
    "from=1773057600",
    "from=-1",
    "from=1e12",
    "from=NaN",
    "from=1969-12-31",
    "from=%2B275760-09-13",
    "until=99999999999999",
    "from=2026-03-09&until=2026-03-09",
    "from=2026-03-10&until=2026-03-09",
  ])("refuses %s", async (query) => {
    const reply = await list(query);
    expect(reply.status).toBe(400);
    expect(reply.body.error?.code).toBe("INVALID_QUERY");
    expect(reply.body.error?.message.length).toBeLessThan(400);
  });
});

describe("limit=, cursor= and the rest", () => {
  it.each(["function", "status", "from", "until", "limit", "cursor"])("refuses 10 KB as %s, briefly", async (name) => {
    const reply = await list(`${name}=${"9".repeat(10_240)}`);
    expect(reply.status).toBe(400);
    expect(reply.body.error?.code).toBe("INVALID_QUERY");
    expect(reply.body.error?.message.length).toBeLessThan(500);
  });

  it.each([
    "limit=0",
    "limit=201",
    "limit=-1",
    "limit=1.5",
    "limit=1e1",
    "limit=",
    "limit=ten",
    "limit=0x10",
    "limit= 5",
  ])("refuses %s", async (query) => {
    expect((await list(query)).body.error?.message).toContain("expected a whole number from 1 to 200");
  });

  it.each([
    ["limits=5", '"limits": it is not known here; expected only function, status, from, until, limit, cursor'],
    ["limit=5&limit=6", '"limit": it is given twice; expected it once'],
    ["__proto__=1", '"__proto__": it is not known here'],
    ["constructor", '"constructor": it is not known here'],
    ["=1", '"": it is not known here'],
    ["%zz=1", '"%zz": it is not known here'],
  ])("refuses %s", async (query, said) => {
    const reply = await list(query);
    expect(reply.status).toBe(400);
    expect(reply.body.error?.message).toContain(said);
    expect(reply.body.error?.message.length).toBeLessThan(300);
  });

  const PLACE = `01773144000000#${runId(1)}`;

  it("takes a cursor as it was given, at a run or between two times", async () => {
    await world.createRun(0, { createdAtMs: NOW_MS });
    await world.createRun(1, { createdAtMs: NOW_MS });
    expect(numbersOf(await list(`cursor=${encode({ v: 1, before: PLACE })}`))).toEqual([0]);
    expect(numbersOf(await list(`cursor=${encode({ v: 1, before: "01773144000001#" })}`))).toEqual([1, 0]);
    expect(numbersOf(await list(`cursor=${encode({ v: 1, before: "99999999999999#" })}`))).toEqual([1, 0]);
    expect((await list(`cursor=${encode({ v: 1, before: "00000000000000#" })}`)).body).toEqual({ data: [] });
  });

  it.each([
    ["", "nothing"],
    ["x", "no base64url of JSON"],
    [encode(null), "null"],
    [encode([]), "a list"],
    [encode({}), "an empty object"],
    [encode({ v: 2, before: PLACE }), "another version"],
    [encode({ v: 1, before: 5 }), "a number"],
    [encode({ before: PLACE, v: 1 }), "another order"],
    [encode({ v: 1, before: PLACE, more: 1 }), "one member more"],
    [encode({ v: 1, before: "" }), "an empty place"],
    [encode({ v: 1, before: "01773144000000" }), "a place without its mark"],
    [encode({ v: 1, before: "1773144000000#" }), "a time too short"],
    [encode({ v: 1, before: `${PLACE}#x` }), "a place and more"],
    [encode({ v: 1, before: "01773144000000#../x" }), "a place that names no run"],
    [encode({ v: 1, before: "zzzzzzzzzzzzzz#" }), "no time"],
    [`${encode({ v: 1, before: PLACE })}=`, "padding"],
    [`${encode({ v: 1, before: PLACE })} `, "a blank behind it"],
    [encode({ v: 1, before: PLACE }).slice(0, -1), "one character less"],
    [Buffer.from('{"v":1,"__proto__":{"before":"01773144000000#"}}').toString("base64url"), "__proto__"],
  ])("refuses the cursor %s: %s", async (cursor) => {
    const reply = await list(`cursor=${encodeURIComponent(cursor)}`);
    expect(reply.status).toBe(400);
    expect(reply.body.error?.code).toBe("INVALID_QUERY");
  });
});

describe("the work of one page", () => {
  const callsOf = async (query: string): Promise<number> => {
    const before = world.aws.faults.calls;
    expect((await list(query)).status).toBe(200);
    return world.aws.faults.calls - before;
  };

  it("is a few calls when this month fills it", async () => {
    for (let number = 1; number <= 100; number += 1) {
      await world.createRun(number, { createdAtMs: NOW_MS - number });
    }
    await list("function=shop/checkout");
    // The registry's version, four shards, one batch of heads.
    expect(await callsOf("function=shop/checkout&limit=20")).toBe(6);
  });

  it("ends with a cursor after some hundreds of queries, and the pages together find everything", async () => {
    await world.createRun(1, { createdAtMs: Date.UTC(2014, 4, 5) });
    await world.createRun(2, { createdAtMs: Date.UTC(1999, 0, 1) });
    await world.createRun(3);
    // 675 months of two functions in four shards.
    expect(await callsOf("from=0")).toBeLessThan(420);
    expect((await walk("from=0")).flat()).toEqual([3, 1, 2]);
  });

  it("goes on at the very end of the month it did not begin", async () => {
    // The last and the first millisecond of each of 100 months back from February: 50 months are one page's work.
    const months = Array.from({ length: 100 }, (_, index) => index);
    for (const index of months) {
      await world.createRun(2 * index + 1, { createdAtMs: Date.UTC(2026, 2 - index, 1) - 1 });
      await world.createRun(2 * index + 2, { createdAtMs: Date.UTC(2026, 1 - index, 1) });
    }
    const pages = await walk("from=0&limit=200");
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.flat()).toEqual(months.flatMap((index) => [2 * index + 1, 2 * index + 2]));
  });

  it("goes through when DynamoDB answers only some of a batch's keys", async () => {
    for (let number = 1; number <= 3; number += 1) await world.createRun(number, { createdAtMs: NOW_MS - number });
    let rounds = 0;
    const partial = new Proxy(world.services.clients.dynamodb, {
      get: (target, name) => {
        if (name !== "send") return Reflect.get(target, name);
        return async (command: BatchGetItemCommand): Promise<object> => {
          const output = await target.send(command);
          if (!(command instanceof BatchGetItemCommand) || rounds > 0) return output;
          rounds += 1;
          return { ...output, Responses: {}, UnprocessedKeys: command.input.RequestItems };
        };
      },
    });
    Object.assign(world.services, { clients: { ...world.services.clients, dynamodb: partial } });
    const reply = await world.clock.advanceUntil(list(), 60_000);
    expect(numbersOf(reply)).toEqual([1, 2, 3]);
    expect(rounds).toBe(1);
  });
});
