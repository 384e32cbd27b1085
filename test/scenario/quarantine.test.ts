/**
 * Goal: a message that nobody can read is put on record whole, whichever queue it was on, before it goes (PROTOCOL §4).
 * Method: texts that are no messages, small and too large for an item, sent as they are; the record is read back.
 */
import { expect, it } from "vitest";
import { Perdure } from "../../sdk/client.js";
import { readPacked, unpack } from "../../runtime/state/payloads.js";
import { eventsQueueUrl, quarantined, sendRaw } from "./hands.js";
import { scenarios } from "./started.js";
import { MINUTE } from "./world.js";

const start = scenarios();
const client = new Perdure({ id: "shop" });
const fn = client.createFunction({ id: "idle", triggers: { event: "shop/x" } }, () => null);

/** Text that gzip cannot make much shorter. */
const large = Array.from({ length: 20_000 }, (_, n) => ((n * 2_654_435_761) % 4_294_967_296).toString(36)).join("");

it.each(["events", "step"])("what is on the %s queue and is no message is on record, whole", async (queue) => {
  const scenario = await start({ client, functions: [fn] });
  const bodies = ["no JSON at all {", '{"v":1,"kind":"of its own"}', large];
  const url = queue === "events" ? eventsQueueUrl(scenario) : scenario.world.stepQueueUrl;
  for (const body of bodies) await sendRaw(scenario, url, body);
  await scenario.advance(MINUTE);
  const services = scenario.world.services("observer");
  const kept: unknown[] = [];
  for (const item of await quarantined(scenario)) {
    const packed = readPacked(item["body"]);
    if (packed) kept.push(JSON.parse(await unpack(services, packed)));
  }
  expect(kept.sort()).toEqual([...bodies].sort());
});
