/**
 * Goal: a mapping deletes exactly what was handled, leaves exactly what was not, and never exceeds its concurrency.
 * Method: a toy queue that never redelivers, toy handlers, a virtual clock.
 */
import { describe, expect, it } from "vitest";
import { EventSourceMapping } from "../../../local/lambda/event-source-mapping.js";
import type { MappingProblem, MappingSettings } from "../../../local/lambda/event-source-mapping.js";
import type { FunctionSettings, LambdaHandler } from "../../../local/lambda/invocation.js";
import { failedMessageIds, splitByPayload } from "../../../local/lambda/sqs-event.js";
import type { SqsEvent } from "../../../local/lambda/sqs-event.js";
import { functionWorld, gate, message, QUEUE_ARN, ToySource } from "./world.js";

function setup(
  handler: (event: SqsEvent, context: Parameters<LambdaHandler>[1]) => unknown,
  settings: Partial<MappingSettings> = {},
  functionSettings: Partial<FunctionSettings> = {},
) {
  const world = functionWorld(() => (event, context) => handler(event as SqsEvent, context), functionSettings);
  const source = new ToySource(world.clock);
  const problems: MappingProblem[] = [];
  const mapping = new EventSourceMapping(
    { batchSize: 10, visibilityTimeoutMs: 60_000, ...settings },
    { source, target: world.target, clock: world.clock, onProblem: (problem) => problems.push(problem) },
  );
  mapping.start();
  return { ...world, source, mapping, problems };
}

const ids = (event: SqsEvent): string[] => event.Records.map((record) => record.messageId);

describe("EventSourceMapping", () => {
  it("hands over a batch in Lambda's shape and deletes it when the handler succeeds", async () => {
    const events: SqsEvent[] = [];
    const { source, clock, mapping } = setup((event) => void events.push(event));
    source.send({
      ...message("m1", "body"),
      MD5OfMessageAttributes: "11111111111111111111111111111111",
      MessageAttributes: {
        text: { DataType: "String", StringValue: "value" },
        bytes: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 3]) },
      },
    });
    await clock.settle();
    expect(events).toEqual([
      {
        Records: [
          {
            messageId: "m1",
            receiptHandle: "handle-m1",
            body: "body",
            attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1767225600000" },
            messageAttributes: {
              text: { stringValue: "value", stringListValues: [], binaryListValues: [], dataType: "String" },
              bytes: { binaryValue: "AQID", stringListValues: [], binaryListValues: [], dataType: "Binary" },
            },
            md5OfMessageAttributes: "11111111111111111111111111111111",
            md5OfBody: "00000000000000000000000000000000",
            eventSource: "aws:sqs",
            eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:steps",
            awsRegion: "us-east-1",
          },
        ],
      },
    ]);
    expect(source.removed).toEqual(["handle-m1"]);
    await mapping.stop();
  });

  it("leaves the messages the handler names and deletes the others", async () => {
    const { source, clock, mapping } = setup(() => ({ batchItemFailures: [{ itemIdentifier: "b" }] }));
    source.send(message("a"), message("b"), message("c"));
    await clock.settle();
    expect(source.removed).toEqual(["handle-a", "handle-c"]);
    await mapping.stop();
  });

  it("leaves the whole batch when the handler throws, its answer is invalid, or its sandbox dies", async () => {
    const { source, clock, mapping, problems, crash } = setup((event) => {
      const [id] = ids(event);
      if (id === "throws") throw new Error("boom");
      if (id === "invalid") return { batchItemFailures: [{ itemIdentifier: "somebody else" }] };
      return new Promise(() => undefined);
    });
    source.send(message("throws"));
    await clock.settle();
    source.send(message("invalid"));
    await clock.settle();
    source.send(message("dies"));
    await clock.settle();
    crash("worker-1");
    await clock.settle();
    expect(source.removed).toEqual([]);
    expect(problems.map((problem) => problem.kind)).toEqual(["invocation", "answer", "invocation"]);
    await mapping.stop();
  });

  it("never runs more invocations at one time than its maximum", async () => {
    const { handler, open, waiting } = gate();
    const { source, clock, mapping } = setup((event, context) => handler(event, context), {
      batchSize: 1,
      maximumConcurrency: 2,
    });
    source.send(message("a"), message("b"), message("c"));
    await clock.settle();
    expect(waiting()).toBe(2);
    expect(source.waiting.length).toBe(1);
    open();
    await clock.settle();
    expect(waiting()).toBe(2);
    open();
    open();
    await clock.settle();
    expect(source.removed).toEqual(["handle-a", "handle-b", "handle-c"]);
    await mapping.stop();
  });

  it("offers a throttled batch again and deletes it once it was handled", async () => {
    const { handler, open } = gate();
    const { source, clock, mapping, target } = setup(
      (event, context) => handler(event, context),
      {},
      { maxConcurrency: 1, timeoutMs: 60_000 },
    );
    const direct = target.invoke({});
    await clock.settle();
    source.send(message("a"));
    await clock.advance(10_000);
    open();
    await direct;
    await clock.advance(10_000);
    open();
    await clock.settle();
    expect(source.removed).toEqual(["handle-a"]);
    await mapping.stop();
  });

  it("drops a throttled batch back when its visibility is about to end", async () => {
    const { handler } = gate();
    const { source, clock, mapping, problems, target } = setup(
      (event, context) => handler(event, context),
      {},
      { maxConcurrency: 1, timeoutMs: 900_000 },
    );
    target.invoke({}).catch(() => undefined);
    await clock.settle();
    source.send(message("a"));
    await clock.advance(60_000);
    expect(problems).toMatchObject([{ kind: "invocation", error: { failure: "throttled" } }]);
    expect(source.removed).toEqual([]);
    await mapping.stop();
  });

  it("gathers within the window, up to the batch size", async () => {
    const batches: string[][] = [];
    const { source, clock, mapping } = setup((event) => void batches.push(ids(event)), {
      batchSize: 3,
      batchWindowMs: 5_000,
    });
    source.send(message("a"));
    await clock.advance(4_000);
    expect(batches).toEqual([]);
    source.send(message("b"));
    await clock.advance(1_000);
    expect(batches).toEqual([["a", "b"]]);
    source.send(message("c"));
    await clock.settle();
    source.send(message("d"), message("e"), message("f"));
    await clock.settle();
    expect(batches).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
    await clock.advance(5_000);
    expect(batches.at(-1)).toEqual(["f"]);
    await mapping.stop();
  });

  it("goes on after a receive that failed and repeats a delete that failed", async () => {
    const { source, clock, mapping, problems } = setup(() => null);
    await clock.settle();
    source.failures = { receive: 1, remove: 2 };
    source.send(message("a"));
    await clock.advance(1_100);
    expect(source.removed).toEqual(["handle-a"]);
    source.send(message("b"));
    await clock.advance(3_000);
    expect(source.removed).toEqual(["handle-a", "handle-b"]);
    expect(problems.map((problem) => problem.kind)).toEqual(["receive"]);
    await mapping.stop();
  });

  it("keeps no timer while nothing happens", async () => {
    const { source, clock, mapping } = setup(() => null);
    source.send(message("a"));
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
    await mapping.stop();
  });

  it("stops taking messages and waits for what runs", async () => {
    const { handler, open } = gate();
    const { source, clock, mapping } = setup((event, context) => handler(event, context));
    source.send(message("a"));
    await clock.settle();
    let stopped = false;
    const stop = mapping.stop().then(() => (stopped = true));
    source.send(message("b"));
    await clock.settle();
    expect(stopped).toBe(false);
    open();
    await stop;
    expect(source.removed).toEqual(["handle-a"]);
    expect(source.waiting.length).toBe(1);
  });
});

describe("failedMessageIds()", () => {
  const batch = new Set(["a", "b"]);
  it("takes an empty or null answer as success", () => {
    for (const answer of [null, undefined, {}, { batchItemFailures: null }, { batchItemFailures: [] }]) {
      expect(failedMessageIds(answer, batch)).toEqual(new Set());
    }
  });
  it("takes what it cannot understand as the failure of all", () => {
    const invalid = [
      "ok",
      [],
      1,
      { batchItemFailures: "a" },
      { batchItemFailures: ["a"] },
      { batchItemFailures: [{ itemIdentifier: "" }] },
      { batchItemFailures: [{ itemIdentifier: null }] },
      { batchItemFailures: [{ item: "a" }] },
      { batchItemFailures: [{ itemIdentifier: "c" }] },
      { batchItemFailures: [{ itemIdentifier: "a" }, {}] },
    ];
    for (const answer of invalid) expect(failedMessageIds(answer, batch)).toBe("all");
  });
});

describe("splitByPayload()", () => {
  it("keeps a batch together that fits 6 MB and cuts one that does not", () => {
    const small = [message("a"), message("b")];
    expect(splitByPayload(small, QUEUE_ARN)).toEqual([small]);
    expect(splitByPayload([], QUEUE_ARN)).toEqual([]);
    const large = Array.from({ length: 10 }, (_, index) => message(`m${index}`, "x".repeat(1_048_576)));
    expect(splitByPayload(large, QUEUE_ARN).map((part) => part.length)).toEqual([5, 5]);
    const quotes = Array.from({ length: 4 }, (_, index) => message(`q${index}`, '"'.repeat(1_048_576)));
    expect(splitByPayload(quotes, QUEUE_ARN).map((part) => part.length)).toEqual([2, 2]);
  });
});
