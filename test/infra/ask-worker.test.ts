/**
 * Goal: a deployment waits for a worker that is not ready yet, for a bounded time, and tells what a worker says of itself.
 * Method: a Lambda service of a few lines that answers as it is told to, on a virtual clock.
 */
import { LambdaServiceException } from "@aws-sdk/client-lambda";
import { expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { askWorker } from "../../runtime/lambda/ask-worker.js";

const MANIFEST = { appId: "shop", functions: [] };

interface Reply {
  FunctionError?: string;
  Payload?: Uint8Array;
}

const says = (value: unknown): Reply => ({ Payload: Buffer.from(JSON.stringify(value)) });

function refusal(name: string, httpStatusCode: number): LambdaServiceException {
  return new LambdaServiceException({ name, $fault: "client", $metadata: { httpStatusCode } });
}

/** Asks a worker whose answers are these, the last one for ever. Virtual time passes as needed. */
async function ask(...replies: (Reply | Error)[]) {
  const clock = new VirtualClock({ startMs: 0 });
  let calls = 0;
  const lambda = {
    send: async <Output>(): Promise<Output> => {
      const reply = replies[Math.min(calls, replies.length - 1)];
      calls += 1;
      if (reply instanceof Error) throw reply;
      // The one command that is sent answers this.
      return reply as Output;
    },
  };
  const outcome = askWorker({ clock, random: seededRandom(1) }, lambda, "shop", "arn:worker").catch(
    (error: unknown) => error,
  );
  await clock.advance(120_000);
  return { answer: await outcome, calls };
}

it("gives back what the worker answers", async () => {
  const { answer, calls } = await ask(says(MANIFEST));
  expect([answer, calls]).toEqual([MANIFEST, 1]);
});

it.each([
  refusal("AccessDeniedException", 403),
  refusal("ResourceConflictException", 409),
  refusal("TooManyRequestsException", 429),
])("waits for a worker that is not ready: %s", async (error) => {
  const { answer, calls } = await ask(error, error, error, says(MANIFEST));
  expect([answer, calls]).toEqual([MANIFEST, 4]);
});

it("gives up after a minute, with the reason", async () => {
  const { answer } = await ask(refusal("AccessDeniedException", 403));
  expect(answer).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect(String(answer)).toContain("AccessDeniedException");
});

it("does not wait for what will not come", async () => {
  const { answer, calls } = await ask(refusal("ResourceNotFoundException", 404));
  expect([answer, calls]).toMatchObject([{ name: "ResourceNotFoundException" }, 1]);
});

it("tells why a worker cannot answer, in its own words", async () => {
  const { answer } = await ask({
    FunctionError: "Unhandled",
    ...says({ errorType: "Error", errorMessage: "Cannot find package 'left-pad'" }),
  });
  expect(answer).toMatchObject({ code: "WORKER_NOT_DESCRIBED" });
  expect(String(answer)).toContain("Cannot find package 'left-pad'");
});

it("an answer that is no JSON is no manifest", async () => {
  expect((await ask({ Payload: Buffer.from("<html>") })).answer).toBe(undefined);
});
