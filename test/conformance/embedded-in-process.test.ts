/**
 * Goal: the embedded AWS behaves as AWS does, seen through its in-process face.
 * Method: the conformance suites, each on an embedded AWS of its own, on the machine's clock.
 */
import { describe } from "vitest";
import { EmbeddedAws } from "../../local/aws/embedded-aws.js";
import { inProcessClients } from "../../local/aws/in-process.js";
import { realClock, realRandom } from "../../sdk/clock.js";
import { ALL_SERVICES, conformance } from "./conformance.js";

describe("embedded AWS, in-process face", () => {
  conformance(ALL_SERVICES, () => {
    const aws = new EmbeddedAws({ clock: realClock, random: realRandom });
    const close = (): Promise<void> => Promise.resolve(aws.close());
    return Promise.resolve({ clients: inProcessClients(aws, { name: "conformance" }), close });
  });
});
