/**
 * Goal: what lies on a queue, whoever put it there, is read as what was sent or is put on record; whatever it asks for, it
 * takes nothing else down, and a message that was read never fails for its own form.
 * Method: messages of every kind with random contents, there and back; the same bent in one place, and bodies that are none,
 * through the real dispatcher over the embedded AWS, each batch beside a good event. (fast-check prints its seed.)
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Dispatcher } from "../../runtime/dispatch/handle-messages.js";
import { encodeMessage, readDispatchMessage, readWake } from "../../runtime/queue/messages.js";
import { runIdOf, ulid } from "../../runtime/core/ids.js";
import { RunStore } from "../../runtime/state/run-store.js";
import { Perdure } from "../../sdk/client.js";
import { Peek } from "../crash/peek.js";
import { eventsQueueUrl, sendRaw } from "../scenario/hands.js";
import { HOUR, Scenario, START_MS } from "../scenario/world.js";
import { createWorld, register, type World } from "../unit/api/world.js";
import { always } from "./fuzz.js";
import { bent, bentText, hostileJson, hostileText } from "./hostile.js";
import { APP, FN, laterWake, NOW_MS, soundDispatchMessage, soundWake } from "./sound-messages.js";

const body = (message: unknown): string => JSON.stringify(message) ?? "";

describe("a message that is read", () => {
  it("is what was sent, of every kind", async () => {
    await always(soundDispatchMessage, 400, (message) =>
      expect(readDispatchMessage(body(message))).toEqual(JSON.parse(body(message))),
    );
    await always(soundWake, 200, (message) => expect(readWake(body(message))).toEqual(JSON.parse(body(message))));
  });

  const bodies = fc.oneof(
    hostileText,
    hostileJson.map(body),
    bent(soundDispatchMessage).map(body),
    bent(soundWake).map(body),
    bentText(soundDispatchMessage.map(body)),
  );

  it("is sent on as it was read; one that is not says why in a line of bounded length", async () => {
    await always(bodies, 1_500, (text) => {
      for (const read of [readDispatchMessage, readWake]) {
        const message = read(text);
        if ("unreadable" in message) {
          expect(message.unreadable).toMatch(/^[^\p{Cc}]{1,200}$/u);
          continue;
        }
        expect(read(encodeMessage(message))).toEqual(message);
      }
    });
  });
});

/**
 * What a message may fail with: what it asks for is not there, or not yet; or a later version may have sent it, on either
 * queue (`newer`, runtime/queue/messages.ts), and it comes again until its reader is replaced as well, or it is a dead letter.
 */
const MAY_FAIL =
  /NoSuchKey|is not registered|does not exist yet|Cannot (read|accept) expression|Cannot read a (message|wake) yet/;

describe("dispatch", () => {
  let good = 0;

  /** Handles a batch to the end, however long it waits. */
  async function handle(world: World, bodies: readonly string[]): Promise<string[]> {
    good += 1;
    const id = ulid(NOW_MS, Buffer.alloc(10, String(good).padStart(10, "0")));
    const event = { id, receivedAtMs: NOW_MS, event: { name: `${APP}/${FN}`, data: {}, id, ts: NOW_MS } };
    const all = [...bodies, body({ v: 1, kind: "events", events: [event] })];
    const records = all.map((text, index) => ({
      messageId: `message-${index}`,
      receiptHandle: "receipt",
      body: text,
      attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(NOW_MS) },
      eventSourceARN: world.services.settings.eventsQueueArn,
    }));
    const handled = new Dispatcher(world.services).handle(records);
    let done = false;
    void handled.finally(() => (done = true));
    while (!done) await world.clock.advance(1_000);
    expect(await new RunStore(world.services).get(runIdOf(APP, FN, id))).not.toBeNull();
    return (await handled).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  }

  async function holdsFor(messages: fc.Arbitrary<unknown>, rounds: number): Promise<void> {
    const world = await createWorld();
    await register(world, APP, [FN]);
    await always(fc.array(messages.map(body), { minLength: 1, maxLength: 8 }), rounds, async (bodies) => {
      world.logLines.length = 0;
      const failed = await handle(world, bodies);
      expect(failed).not.toContain(`message-${bodies.length}`);
      const errors = world.logLines.filter(([text]) => String(text).startsWith("Cannot dispatch"));
      expect(errors).toHaveLength(failed.length);
      const other = errors.filter(([, error]) => !MAY_FAIL.test(String(error)));
      expect(other.map(([, error]) => String(error))).toEqual([]);
    });
    world.close();
  }

  it("fails with nothing that was sent in a sound form, unless what it names is missing", () =>
    holdsFor(soundDispatchMessage, 60));

  it("goes on past whatever lies beside a good event", () =>
    holdsFor(fc.oneof(bent(soundDispatchMessage), bent(soundWake), hostileJson), 60));
});

/** By then what is drawn here is due (sound-messages.ts, `NOW_MS`), and what never succeeds was returned for the last time. */
const ALL_GONE_MS = 10 * 24 * HOUR;

/** A wake waits in its queue until it is due, though it be in the year 2100. */
function dueMsOf(text: string): number {
  const due = [readWake(text), readDispatchMessage(text)].map((message) => ("dueMs" in message ? message.dueMs : 0));
  return Math.max(...due.map((ms) => ms ?? 0));
}

describe("the worker, and whoever takes dead letters,", () => {
  it("go on past whatever lies beside a good wake, and leave nothing in their queues", async () => {
    const client = new Perdure({ id: APP });
    const naps = client.createFunction({ id: FN, triggers: { event: `${APP}/${FN}` } }, async ({ step, event }) => {
      await step.sleep("nap", "10m");
      return step.run("after", () => event.data["n"] ?? null);
    });
    // Raw, as no client of ours sends them: SQS takes these two characters only escaped.
    const raw = (message: unknown): string => body(message).replace(/[\uFFFE\uFFFF]/g, "?");
    const bodies = fc.array(
      fc
        .oneof(soundWake, laterWake, bent(soundWake), bent(soundDispatchMessage), hostileJson)
        .map(raw)
        .filter((text) => text !== "" && dueMsOf(text) < START_MS + ALL_GONE_MS),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    await always(bodies, 10, async (texts) => {
      const errors: string[] = [];
      const quiet = (): void => undefined;
      const keep = (...parts: unknown[]): void => void errors.push(parts.map(String).join(" "));
      const logger = { debug: quiet, info: quiet, warn: quiet, error: keep };
      const scenario = await Scenario.start({ client, functions: [naps], logger });
      const [id = ""] = await scenario.send({ name: `${APP}/${FN}`, data: { n: 7 } });
      const { stepQueueUrl } = scenario.world;
      for (const url of [stepQueueUrl, `${stepQueueUrl}-dead`, `${eventsQueueUrl(scenario)}-dead`]) {
        for (const text of texts) await sendRaw(scenario, url, text);
      }
      await scenario.advance(HOUR);
      expect((await scenario.runOf(id)).output).toBe(7);
      expect(errors.filter((line) => !line.includes("is quarantined") && !MAY_FAIL.test(line))).toEqual([]);
      await scenario.advance(ALL_GONE_MS);
      const queues = new Peek(scenario.world, scenario.clock.now()).messages();
      expect(queues.filter(({ messages }) => messages > 0)).toEqual([]);
      await scenario.stop();
    });
  });
});
