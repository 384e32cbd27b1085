/** A report is computed region by region, each in a Lambda of its own, and put together when all are there. */
import { perdure } from "./client.js";
import { documents, sales } from "./outside-world.js";

export const regionalReport = perdure.createFunction(
  { id: "regional-report", triggers: { event: "app/report.requested" }, parallel: "distributed" },
  async ({ event, step }) => {
    const { reportId, regions } = event.data;
    const totals = await Promise.all(
      regions.map((region) => step.run(`compute-${region}`, () => sales.totalOf(region))),
    );
    const totalCents = totals.reduce((sum, { cents }) => sum + cents, 0);
    // Quick, and alone: not worth a Lambda.
    return step.run({ id: "save", distributed: false }, () => documents.save({ id: reportId, totals, totalCents }));
  },
);
