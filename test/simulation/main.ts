/**
 * Owns: the command behind `npm run prove`: one share of the proof in this process, or one world with its timeline.
 * Usage: node dist/prove.mjs share <share> <of> <minutes> <first seed> | node dist/prove.mjs seed <seed>
 *        | node dist/prove.mjs pairs <share> <of>
 * A share prints its findings as it meets them, on stderr, and what it came to as one line of JSON, on stdout.
 */
import { realClock } from "../../sdk/clock.js";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { describeFinding, Enumeration, type EnumerationOptions } from "../crash/enumerate.js";
import { MAPPING_CALLERS, MAPPING_MODES } from "../crash/fault-plan.js";
import { CORE_PROGRAMS, PROGRAMS } from "../crash/programs.js";
import { Campaign } from "./campaign.js";
import { describeViolation, violationsOf } from "./checks.js";
import { showProgram } from "./program.js";
import { simulate } from "./simulation.js";
import { showSwarm } from "./swarm.js";

/** How many worlds of a share are run twice. */
const REPEATED_WORLDS = 20;
/** However slow the machine: with fewer, a rare thing may be missed by chance alone. */
const LEAST_WORLDS = 300;
/** Of the time a share has: crash points are enumerated whole, pairs until this part of it is over. */
const PAIRS_UNTIL = 0.35;
const PAIRS_AT_ONCE = 25;
/** A world that is under way when the time is over may take so much longer: most take a second, a crowded one a minute and more. */
const LAST_WORLD_MS = 20_000;

/** What this process is at, for its last words: a world that waits for ever leaves nothing to wait for, and Node ends. */
let underWay = "nothing";
let hasEnded = false;
process.on("exit", () => {
  if (!hasEnded) console.error(`Nothing goes on any more, and this had not ended: ${underWay}`);
});

interface CrashSums {
  singles: number;
  singlesWithSweeper: number;
  mappings: number;
  pairs: number;
  findings: string[];
}

class Share {
  readonly #share: number;
  readonly #of: number;
  readonly #endsAtMs: number;
  readonly #pairsUntilMs: number;
  readonly #firstSeed: number;
  readonly crash: CrashSums = { singles: 0, singlesWithSweeper: 0, mappings: 0, pairs: 0, findings: [] };
  readonly campaign = new Campaign();

  constructor(share: number, of: number, minutes: number, firstSeed: number) {
    this.#share = share;
    this.#of = of;
    this.#firstSeed = firstSeed;
    const lengthMs = minutes * 60_000;
    this.#endsAtMs = realClock.monotonic() + lengthMs;
    this.#pairsUntilMs = realClock.monotonic() + lengthMs * PAIRS_UNTIL;
  }

  async crashes(): Promise<void> {
    for (const program of PROGRAMS.filter((_, index) => index % this.#of === this.#share)) {
      this.crash.singles += await this.#enumerate({ program, sweeper: false }, (each) => each.trySingles());
      this.crash.singlesWithSweeper += await this.#enumerate({ program, sweeper: true }, (each) =>
        CORE_PROGRAMS.includes(program) ? each.trySingles() : each.trySomeSingles(1, seededRandom(this.#firstSeed)),
      );
      const broken = { callers: MAPPING_CALLERS, modes: MAPPING_MODES };
      this.crash.mappings += await this.#enumerate({ program, sweeper: false, ...broken }, (each) => each.trySingles());
    }
    const random = seededRandom(this.#firstSeed + this.#share);
    for (let round = 0; realClock.monotonic() < this.#pairsUntilMs; round += 1) {
      for (const program of CORE_PROGRAMS) {
        const options = { program, sweeper: round % 2 === 1 };
        this.crash.pairs += await this.#enumerate(options, (each) => each.trySomePairs(PAIRS_AT_ONCE, random));
      }
    }
  }

  async #enumerate(options: EnumerationOptions, go: (each: Enumeration) => Promise<void>): Promise<number> {
    underWay = `crash points of ${options.program.name}, ${options.sweeper ? "with" : "without"} the sweeper`;
    const enumeration = await Enumeration.begin(options);
    await go(enumeration);
    const findings = enumeration.findings.map(describeFinding);
    for (const finding of findings) console.error(finding);
    this.crash.findings.push(...findings);
    return enumeration.trials;
  }

  async worlds(): Promise<void> {
    for (let index = 0; index < LEAST_WORLDS || realClock.monotonic() < this.#endsAtMs; index += 1) {
      const seed = this.#firstSeed + index * this.#of + this.#share;
      const failures = this.campaign.failures.length;
      underWay = `world ${seed}`;
      const world = index < REPEATED_WORLDS ? this.campaign.tryTwice(seed) : this.campaign.try(seed);
      if (index < LEAST_WORLDS) await world;
      else if (!(await this.#isDone(world))) return console.error(`${underWay} is not counted: the time is over`);
      for (const { problems } of this.campaign.failures.slice(failures)) {
        console.error([`world ${seed} (npm run prove -- --seed ${seed}):`, ...problems.slice(0, 5)].join("\n  "));
      }
    }
  }

  /** False when the share's time was over before. */
  #isDone(world: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const leftMs = this.#endsAtMs + LAST_WORLD_MS - realClock.monotonic();
      const cancel = realClock.after(Math.max(0, leftMs), () => resolve(false));
      void world.then(() => resolve(true), reject).finally(cancel);
    });
  }
}

async function runShare(args: readonly number[]): Promise<void> {
  const [index = 0, of = 1, minutes = 1, firstSeed = 1] = args;
  const share = new Share(index, of, minutes, firstSeed);
  await share.crashes();
  await share.worlds();
  const { sums, failures } = share.campaign;
  console.log(JSON.stringify({ crash: share.crash, sums, failures: failures.map(({ seed }) => seed) }));
}

/** Every pair of faults of the core flows, without the sweeper and with it. */
async function runPairs(share: number, of: number): Promise<void> {
  for (const program of CORE_PROGRAMS) {
    for (const sweeper of [false, true]) {
      underWay = `pairs of ${program.name}, ${sweeper ? "with" : "without"} the sweeper`;
      const enumeration = await Enumeration.begin({ program, sweeper });
      await enumeration.tryAllPairs({ share, of });
      const findings = enumeration.findings.map(describeFinding);
      console.log(JSON.stringify({ program: program.name, sweeper, pairs: enumeration.trials - 1, findings }));
    }
  }
}

async function replay(seed: number): Promise<void> {
  const evidence = await simulate(seed, { timeline: true });
  for (const program of evidence.programs) console.log(showProgram(program));
  console.log(`\n${showSwarm(evidence.swarm)}\n`);
  console.log("ms of virtual time, and what happened (*** is a fault or an operator)");
  console.log(evidence.timeline.join("\n"));
  const violations = violationsOf(evidence);
  console.log(`\n${evidence.runs.length} runs, ${evidence.faults} faults, trace ${evidence.hash}`);
  console.log(violations.length === 0 ? "nothing is violated" : violations.map(describeViolation).join("\n"));
  process.exitCode = violations.length === 0 ? 0 : 1;
}

const [command, ...args] = process.argv.slice(2);
if (command === "seed") await replay(Number(args[0]));
else if (command === "pairs") await runPairs(Number(args[0]), Number(args[1]));
else await runShare(args.map(Number));
hasEnded = true;
// A world that was not waited for would go on. What is still to be written to a pipe is written before.
if (command === "share") process.stdout.write("", () => process.exit());
