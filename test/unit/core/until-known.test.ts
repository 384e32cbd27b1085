/**
 * Goal: an AWS call without an answer is unknown and is repeated; what was refused is an answer (PROTOCOL §3).
 * Method: calls that fail as the SDK's own do, a given number of times, on a virtual clock.
 */
import { describe, expect, it } from "vitest";
import { ConnectionLostError } from "../../../local/aws/faults.js";
import { seededRandom } from "../../../local/aws/seeded-random.js";
import { VirtualClock } from "../../../local/aws/virtual-clock.js";
import { untilKnown, type Patience } from "../../../runtime/aws/until-known.js";

function named(name: string, status: number): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode: status } });
}

/** Fails so often with that error, then answers. What it came to, and how often it was called. */
async function attempt(
  failures: number,
  error: Error,
  patience?: Patience,
): Promise<{ outcome: string; calls: number }> {
  const clock = new VirtualClock({ startMs: 0 });
  let calls = 0;
  const call = (): Promise<string> => {
    calls += 1;
    return calls <= failures ? Promise.reject(error) : Promise.resolve("answer");
  };
  const outcome = untilKnown({ clock, random: seededRandom(1) }, "try", call, patience).catch((failure: unknown) =>
    failure instanceof Error && "code" in failure && failure.code === "OUTCOME_UNKNOWN"
      ? "unknown"
      : `thrown: ${failure instanceof Error ? failure.name : ""}`,
  );
  await clock.advance(60_000);
  return { outcome: await outcome, calls };
}

describe("untilKnown()", () => {
  it("repeats what had no answer", async () => {
    expect(await attempt(3, new ConnectionLostError())).toEqual({ outcome: "answer", calls: 4 });
    expect(await attempt(3, named("InternalServerError", 500))).toEqual({ outcome: "answer", calls: 4 });
  });

  it("repeats what was throttled", async () => {
    expect(await attempt(3, named("ThrottlingException", 400))).toEqual({ outcome: "answer", calls: 4 });
    expect(await attempt(1, named("SlowDown", 503))).toEqual({ outcome: "answer", calls: 2 });
  });

  it("takes a failed condition and a refusal for the answer", async () => {
    const condition = named("ConditionalCheckFailedException", 400);
    expect(await attempt(1, condition)).toEqual({ outcome: "thrown: ConditionalCheckFailedException", calls: 1 });
    expect(await attempt(1, named("AccessDenied", 403))).toEqual({ outcome: "thrown: AccessDenied", calls: 1 });
  });

  it("says that the outcome is unknown after ten attempts, or when the caller gives up", async () => {
    expect(await attempt(100, new ConnectionLostError())).toEqual({ outcome: "unknown", calls: 10 });
    const givesUp = { giveUp: () => true };
    expect(await attempt(100, new ConnectionLostError(), givesUp)).toEqual({ outcome: "unknown", calls: 1 });
  });
});
