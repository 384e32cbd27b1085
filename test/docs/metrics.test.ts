/**
 * Goal: what is counted is what the documentation says is counted: people build alarms on these names.
 * Method: the table of docs/deploy.md beside the list the code counts by.
 */
import { expect, it } from "vitest";
import { METRICS } from "../../runtime/observe/metrics.js";
import { rowsOf } from "./markdown.js";

it("docs/deploy.md lists every metric with its meaning, in the code's own words", () => {
  const listed = rowsOf("docs/deploy.md", ["Metric", "Counts"]);
  expect(listed.length).toBe(12);
  expect(listed).toEqual(Object.entries(METRICS).map(([name, { means }]) => [`\`${name}\``, means]));
});
