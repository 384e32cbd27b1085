/**
 * Goal: a fuzz finds what is there to be found: a value that does not hold, an error that is no refusal, a prototype that was
 * changed.
 * Method: each of them planted.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { PerdureError } from "../../sdk/error-catalogue.js";
import { invalidDuration } from "../../sdk/duration.js";
import { always, outcome } from "./fuzz.js";
import { bent, bentText } from "./hostile.js";

it("names the smallest value that does not hold, and the seed", async () => {
  const found = always(fc.nat(), 1_000, (value) => expect(value).toBeLessThan(1_000));
  await expect(found).rejects.toThrow(/seed: -?\d+[^]*Counterexample: \[1000\]/);
});

it("notices what all objects share being changed", async () => {
  const pollute = (): void => void Reflect.set(Object.prototype, "polluted", 1);
  await expect(always(fc.nat(), 5, pollute)).rejects.toThrow("The prototype of Object is another than before");
  Reflect.deleteProperty(Object.prototype, "polluted");
  await always(fc.nat(), 5, () => undefined);
});

it("takes a refusal for an outcome, and anything else for a finding", () => {
  const refuse = (): never => {
    throw invalidDuration({ value: "x", is: "it is none" });
  };
  expect(outcome(refuse)).toEqual({ code: "INVALID_DURATION" });
  expect(refuse).toThrow(PerdureError);
  expect(() => outcome(() => Reflect.get(Object(null), "a").b)).toThrow(TypeError);
});

it("bends sound values: most are others, and few are nothing", () => {
  const sound = { a: [1, { b: "text" }], c: null };
  const values = fc.sample(bent(fc.constant(sound)), { numRuns: 300, seed: 1 });
  const texts = new Set(values.map((value) => JSON.stringify(value)));
  expect(texts.size).toBeGreaterThan(150);
  expect(values.filter((value) => value === undefined).length).toBeLessThan(50);
  const bentTexts = new Set(fc.sample(bentText(fc.constant("0 9 * * 1")), { numRuns: 300, seed: 1 }));
  expect(bentTexts.size).toBeGreaterThan(150);
});
