/**
 * Goal: what is counted is a line that CloudWatch takes for a metric and a reader for a log line.
 * Method: the line as it is written to the process's output, whole, against the published form (CloudWatch user guide,
 * "Specification: Embedded metric format").
 */
import { afterEach, expect, it, vi } from "vitest";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import type { MetricName, Occurrence } from "../../../runtime/observe/metrics.js";
import { emfMetrics } from "../../../runtime/lambda/emf-metrics.js";

const NOW_MS = Date.UTC(2026, 2, 2, 9);

afterEach(() => vi.restoreAllMocks());

/** What counting these writes: on which stream, and the line read as JSON. */
function written(platform: string, ...counted: [MetricName, Occurrence][]): { stream: string; line: unknown }[] {
  const chunks: { stream: string; text: string }[] = [];
  const keep = (stream: string) => (chunk: unknown) => {
    chunks.push({ stream, text: String(chunk) });
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(keep("stdout"));
  vi.spyOn(process.stderr, "write").mockImplementation(keep("stderr"));
  const metrics = emfMetrics(platform, new VirtualClock({ startMs: NOW_MS }));
  for (const [name, occurrence] of counted) metrics.count(name, occurrence);
  vi.restoreAllMocks();
  // Whatever is no JSON would be a line that nobody asked for.
  return chunks.map(({ stream, text }) => ({ stream, line: JSON.parse(text) }));
}

const failed: Occurrence = {
  message: 'Run "shop_1" failed',
  app: "shop",
  functionId: "checkout",
  about: { runId: "shop_1", turn: 3, errorName: "Error" },
};

it("a count is one line: a log line with the metric's definition, of the app and of the function", () => {
  expect(written("perdure", ["RunsFailed", failed])).toEqual([
    {
      stream: "stderr",
      line: {
        level: "error",
        timestamp: "2026-03-02T09:00:00.000Z",
        message: 'Run "shop_1" failed',
        metric: "RunsFailed",
        runId: "shop_1",
        turn: 3,
        errorName: "Error",
        service: "perdure",
        app: "shop",
        function: "checkout",
        RunsFailed: 1,
        _aws: {
          Timestamp: NOW_MS,
          CloudWatchMetrics: [
            {
              Namespace: "Perdure",
              Dimensions: [
                ["service", "app"],
                ["service", "app", "function"],
              ],
              Metrics: [{ Name: "RunsFailed", Unit: "Count" }],
            },
          ],
        },
      },
    },
  ]);
});

it("what belongs to no app is counted for the platform alone, also after something that did", () => {
  const unreadable: Occurrence = { message: "Message is quarantined", error: new TypeError("no JSON") };
  const [, second] = written("acme", ["RunsFailed", failed], ["MessagesQuarantined", unreadable]);
  expect(second?.line).toMatchObject({
    message: "Message is quarantined",
    error: { name: "TypeError", message: "no JSON" },
    service: "acme",
    MessagesQuarantined: 1,
    _aws: {
      CloudWatchMetrics: [{ Dimensions: [["service"]], Metrics: [{ Name: "MessagesQuarantined", Unit: "Count" }] }],
    },
  });
  expect(second?.line).not.toHaveProperty("RunsFailed");
  expect(second?.line).not.toHaveProperty("app");
});

it("without a platform's name it is the log line alone", () => {
  expect(written("", ["AttemptsFailed", failed])).toEqual([
    {
      stream: "stderr",
      line: {
        level: "warn",
        timestamp: expect.any(String),
        message: 'Run "shop_1" failed',
        metric: "AttemptsFailed",
        app: "shop",
        function: "checkout",
        runId: "shop_1",
        turn: 3,
        errorName: "Error",
      },
    },
  ]);
});
