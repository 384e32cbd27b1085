/**
 * Goal: what was appended is read back exactly, whatever ended the process; damage is told apart from a torn end; compaction
 * loses nothing; one server for each directory.
 * Method: a toy reader that collects what it is given; files are cut and damaged by hand. Random values round-trip through
 * the codec (fast-check prints its seed). kill -9 of a real server is in log-kill.test.ts.
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "../../../local/aws/directory-lock.js";
import { DurableLog, logBytes, type LogReader, type LogRecord } from "../../../local/aws/durable-log.js";
import { tagged, untagged } from "../../../local/aws/log-codec.js";
import "../seeded-properties.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "perdure-log-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const put = (n: number): LogRecord => ({ t: n, service: "dynamodb", op: "PutItem", input: { n }, seed: n });

/** A reader whose whole state is the list of numbers it was given. */
function numbersReader(): LogReader & { numbers: unknown[] } {
  const numbers: unknown[] = [];
  return {
    numbers,
    restore: (_service, state) => void (Array.isArray(state) && numbers.push(...state)),
    apply: (record) => void numbers.push(record.input["n"]),
    snapshots: () => [["dynamodb", [...numbers]]],
  };
}

function reopen(options: { compactBytes?: number } = {}): { numbers: unknown[]; calls: number; log: DurableLog } {
  const log = new DurableLog({ directory, ...options });
  const reader = numbersReader();
  const calls = log.load(reader);
  return { numbers: reader.numbers, calls, log };
}

function write(...numbers: number[]): void {
  const { log } = reopen();
  for (const n of numbers) log.append([put(n)]);
  log.close();
}

describe("DurableLog", () => {
  it("reads back every call in order, over several openings", () => {
    write(1, 2);
    write(3);
    const { numbers, calls, log } = reopen();
    expect(numbers).toEqual([1, 2, 3]);
    expect(calls).toBe(3);
    log.close();
  });

  it("keeps binary, dates, prototypes by name and lone surrogates", () => {
    const input: Record<string, unknown> = JSON.parse('{"a":{"__proto__":{"S":"x"}},"s":"\\ud800"}');
    Object.assign(input, { b: new Uint8Array([0, 255, 10]), d: new Date(5), nested: [{ B: new Uint8Array([1]) }] });
    const { log } = reopen();
    log.append([{ ...put(1), input }]);
    log.close();
    const seen: LogRecord[] = [];
    const again = new DurableLog({ directory });
    again.load({ ...numbersReader(), apply: (record) => void seen.push(record) });
    again.close();
    expect(seen).toEqual([{ t: 1, service: "dynamodb", op: "PutItem", input, seed: 1 }]);
    expect(Object.keys(Object(seen[0]?.input["a"]))).toEqual(["__proto__"]);
  });

  it.each([1, 5, 20])("a last line torn by %i bytes is cut off, and writing goes on after it", (bytes) => {
    write(1, 2, 3);
    const file = join(directory, "aws.log");
    truncateSync(file, readFileSync(file).length - bytes);
    write(4);
    const { numbers, log } = reopen();
    expect(numbers).toEqual([1, 2, 4]);
    log.close();
  });

  it("calls appended together are torn together", () => {
    const { log } = reopen();
    log.append([put(1)]);
    log.append([put(2), put(3)]);
    log.close();
    const whole = reopen();
    expect(whole.numbers).toEqual([1, 2, 3]);
    whole.log.close();
    const file = join(directory, "aws.log");
    truncateSync(file, readFileSync(file).length - 2);
    const torn = reopen();
    expect(torn.numbers).toEqual([1]);
    torn.log.close();
  });

  it("an empty, a torn and a missing header begin a new log", () => {
    writeFileSync(join(directory, "aws.log"), '{"log":"perd');
    write(7);
    const { numbers, log } = reopen();
    expect(numbers).toEqual([7]);
    log.close();
  });

  it("a damaged line, a foreign header and a call that cannot be applied stop loudly and free the directory", () => {
    write(1);
    appendFileSync(join(directory, "aws.log"), '{"t":1}\n');
    write1Fails("line 3 is damaged");
    writeFileSync(join(directory, "aws.log"), "something else\n");
    write1Fails("line 1 is not the expected header");
    rmSync(join(directory, "aws.log"));
    write(1);
    const log = new DurableLog({ directory });
    const apply = (): void => {
      throw new Error("no such table");
    };
    expect(() => log.load({ ...numbersReader(), apply })).toThrow("line 2 cannot be applied (Error: no such table)");
    log.close();

    function write1Fails(message: string): void {
      const broken = new DurableLog({ directory });
      expect(() => broken.load(numbersReader())).toThrow(message);
      broken.close();
    }
  });

  it("compaction at open keeps the state, shrinks the file and leaves no second file", () => {
    write(...Array.from({ length: 200 }, (_, index) => index));
    const before = logBytes(directory);
    const compacted = reopen({ compactBytes: 1_000 });
    expect(compacted.numbers).toHaveLength(200);
    compacted.log.append([put(200)]);
    compacted.log.close();
    expect(logBytes(directory)).toBeLessThan(before / 5);
    expect(existsSync(join(directory, "aws.log.new"))).toBe(false);
    const { numbers, calls, log } = reopen();
    expect(numbers).toEqual(Array.from({ length: 201 }, (_, index) => index));
    expect(calls).toBe(1);
    log.close();
  });

  it("a compaction that was killed before its rename leaves the old log in force", () => {
    write(1, 2);
    writeFileSync(join(directory, "aws.log.new"), '{"log":"perdure-embedded-aws","version":1}\n{"snap');
    const { numbers, log } = reopen({ compactBytes: 10 });
    expect(numbers).toEqual([1, 2]);
    log.close();
  });

  it("append() after close() fails clearly", () => {
    const { log } = reopen();
    log.close();
    expect(() => log.append([put(1)])).toThrow("it is closed");
  });

  it("lines longer than the reading buffer come back whole", () => {
    const { log } = reopen();
    const text = "é".repeat(1_500_000);
    log.append([{ ...put(1), input: { n: text } }]);
    log.append([put(2)]);
    log.close();
    const again = reopen();
    expect(again.numbers).toEqual([text, 2]);
    again.log.close();
  });
});

describe("lockDirectory()", () => {
  it("refuses a second holder and names the process; gives way once it is released", () => {
    const unlock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(`process ${process.pid} is using it`);
    unlock();
    lockDirectory(directory)();
  });

  it("takes over from a process that is gone, from one whose id was given away, and from nonsense", () => {
    for (const stale of ["999999999 1", `${process.ppid} 1`, `${process.pid} 1`, "hello", ""]) {
      writeFileSync(join(directory, "lock"), stale);
      lockDirectory(directory)();
      expect(existsSync(join(directory, "lock"))).toBe(false);
    }
  });
});

describe("tagged() and untagged()", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.date({ noInvalidDate: true }),
  );
  const key = fc.oneof(fc.constantFrom("$b", "$d", "$o", "$", "__proto__", "B"), fc.string());
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), fc.dictionary(key, tie("value"))),
  }));

  it("give back any value after JSON", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(plain(untagged(JSON.parse(JSON.stringify(tagged(original)))))).toEqual(plain(original));
      }),
      { numRuns: 2_000 },
    );
  });

  it("share what needs no change", () => {
    const input = { TableName: "t", Item: { pk: { S: "a" }, list: [{ N: "1" }] } };
    expect(tagged(input)).toBe(input);
  });

  /** Prototypes aside, which do not survive JSON and do not matter: every object as a list of its entries. */
  function plain(part: unknown): unknown {
    if (part instanceof Uint8Array) return ["bytes", ...part];
    if (part instanceof Date || typeof part !== "object" || part === null) return part;
    if (Array.isArray(part)) return ["list", part.map(plain)];
    return ["object", Object.entries(part).map(([name, member]) => [name, plain(member)])];
  }
});
