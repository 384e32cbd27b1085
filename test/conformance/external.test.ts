/**
 * Goal: our suites are honest: what they ask of the embedded AWS, independent implementations do too.
 * Method: the same suites against moto, when `moto_server` is on the PATH, and against whatever AWS_ENDPOINT_URL_* points to
 * (dynoxide, AWS Emulator, …). Where moto is known to differ from AWS, the test and the reason are listed; it must fail there.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import type { ServiceName } from "../../local/aws/model.js";
import { ALL_SERVICES, conformance } from "./conformance.js";
import { expectDeviations } from "./deviations.js";
import { isMotoPresent, startMoto, type Moto } from "./moto.js";
import { motoDeviations, motoUnsteady } from "./moto-deviations.js";
import { connectReal, type Endpoints } from "./real-clients.js";

const START_TIMEOUT_MS = 60_000;

const endpoints: Endpoints = Object.fromEntries(
  ALL_SERVICES.flatMap((service) => {
    const url = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`];
    return url === undefined ? [] : [[service, url]];
  }),
);
const givenServices = ALL_SERVICES.filter((service: ServiceName) => endpoints[service] !== undefined);

if (givenServices.length > 0) {
  describe(`AWS_ENDPOINT_URL of ${givenServices.join(", ")}`, () => {
    conformance(givenServices, () => Promise.resolve(connectReal(endpoints)));
  });
}

if (isMotoPresent()) {
  describe("moto", () => {
    let moto: Moto | undefined;
    beforeAll(async () => {
      moto = await startMoto();
    }, START_TIMEOUT_MS);
    afterAll(() => moto?.stop());
    expectDeviations(motoDeviations, motoUnsteady);
    conformance(ALL_SERVICES, () => {
      const url = moto?.url ?? "http://127.0.0.1:0";
      return Promise.resolve(connectReal({ dynamodb: url, sqs: url, scheduler: url, s3: url }));
    });
  });
}

if (givenServices.length === 0 && !isMotoPresent()) {
  it.skip("no independent emulator is present: put moto_server on the PATH, or set AWS_ENDPOINT_URL_DYNAMODB, _SQS, _SCHEDULER or _S3", () =>
    undefined);
}
