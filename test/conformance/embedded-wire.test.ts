/**
 * Goal: the embedded AWS behaves as AWS does, seen by real SDK clients over HTTP.
 * Method: the conformance suites, each on an embedded AWS and a server of its own, on the machine's clock.
 */
import { describe } from "vitest";
import { EmbeddedAws } from "../../local/aws/embedded-aws.js";
import { startWireServer } from "../../local/aws/wire/server.js";
import { realClock, realRandom } from "../../sdk/clock.js";
import { ALL_SERVICES, conformance } from "./conformance.js";
import { connectReal } from "./real-clients.js";

describe("embedded AWS, wire face", () => {
  conformance(ALL_SERVICES, async () => {
    const aws = new EmbeddedAws({ clock: realClock, random: realRandom });
    const { url, close: closeServer } = await startWireServer(aws);
    const { clients, close: closeClients } = connectReal({ dynamodb: url, sqs: url, scheduler: url, s3: url });
    const close = async (): Promise<void> => {
      await closeClients();
      await closeServer();
      aws.close();
    };
    return { clients, close };
  });
});
