/** Once an hour, whatever changed is copied. The tick's nominal time is the cursor, so no change falls between two runs. */
import { perdure } from "./client.js";
import { catalogue } from "./outside-world.js";

export const hourlySync = perdure.createFunction(
  { id: "hourly-sync", triggers: { cron: "0 * * * *" } },
  async ({ event, step }) => {
    const changed = await step.run("list-changes", () => catalogue.changedBefore(event.data.scheduledAt));
    let copied = 0;
    for (const sku of changed) {
      // The same id in a loop gets an occurrence index: each product is copied once, however often the run is resumed.
      await step.run("copy", () => catalogue.copy(sku));
      copied += 1;
    }
    return { copied, until: event.data.scheduledAt };
  },
);
