/** Usage: npm run bench [-- units|matching|distributed|cost|in-process|wire]. Without a name: all. One JSON object a line. */
import { benchCost } from "./cost.js";
import { benchDistributed } from "./distributed.js";
import { benchInProcess } from "./in-process.js";
import { benchMatching } from "./matching.js";
import { benchUnits } from "./units.js";
import { benchWire } from "./wire.js";

const benches: Record<string, () => Promise<void>> = {
  units: benchUnits,
  matching: benchMatching,
  distributed: benchDistributed,
  cost: benchCost,
  "in-process": benchInProcess,
  wire: benchWire,
};
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!(name in benches))
    throw new Error(`Cannot run bench "${name}"; expected one of ${Object.keys(benches).join(", ")}`);
for (const [name, bench] of Object.entries(benches)) if (wanted.length === 0 || wanted.includes(name)) await bench();
process.exit(0);
