/**
 * Goal: a trace context is taken as the W3C writes it, whatever cannot be read is ignored, and lines say which trace they are of.
 * Method: literal headers of the recommendation (Trace Context, level 1 §3.2); a logger and metrics that collect.
 */
import { describe, expect, it } from "vitest";
import type { Metrics, Occurrence } from "../../../runtime/observe/metrics.js";
import { readTraceparent, tracedServices } from "../../../runtime/observe/trace.js";
import type { Logger } from "../../../sdk/logger.js";

const GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("readTraceparent", () => {
  it.each([
    ["as it is", GIVEN],
    ["with blanks around it", ` ${GIVEN} `],
    ["of a later version, in the version that is understood", GIVEN.replace(/^00/, "cc")],
    ["of a later version with more behind it", `${GIVEN.replace(/^00/, "cc")}-what-the-future-will-be-like`],
  ])("takes it %s", (_, value) => {
    expect(readTraceparent(value)).toBe(GIVEN);
  });

  it.each([
    ["nothing", undefined],
    ["no text", 17],
    ["empty text", ""],
    ["two headers in one", `${GIVEN},${GIVEN}`],
    ["capital letters", GIVEN.toUpperCase()],
    ["a short trace id", "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"],
    ["a trace id of zeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
    ["a parent of zeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
    ["the version that cannot be", GIVEN.replace(/^00/, "ff")],
    ["more behind version 00", `${GIVEN}-more`],
    ["X-Ray's header", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"],
  ])("ignores %s", (_, value) => {
    expect(readTraceparent(value)).toBeUndefined();
  });
});

describe("tracedServices", () => {
  function collecting(): { lines: unknown[][]; counted: Occurrence[]; services: { logger: Logger; metrics: Metrics } } {
    const lines: unknown[][] = [];
    const counted: Occurrence[] = [];
    const keep = (...parts: unknown[]): void => void lines.push(parts);
    const logger = { debug: keep, info: keep, warn: keep, error: keep };
    return {
      lines,
      counted,
      services: { logger, metrics: { count: (_, occurrence) => void counted.push(occurrence) } },
    };
  }

  it("puts the trace id on every line and every count", () => {
    const { lines, counted, services } = collecting();
    const traced = tracedServices(services, GIVEN);
    traced.logger.warn("Something", { runId: "r" });
    traced.metrics.count("RunsFailed", { message: "Failed", about: { runId: "r" } });
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    expect(lines).toEqual([["Something", { runId: "r" }, { traceId }]]);
    expect(counted).toEqual([{ message: "Failed", about: { runId: "r", traceId } }]);
  });

  it("leaves services as they are where there is no trace", () => {
    const { services } = collecting();
    expect(tracedServices(services, null)).toBe(services);
    expect(tracedServices(services, undefined)).toBe(services);
  });
});
