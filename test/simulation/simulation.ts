/**
 * Owns: one simulated world from its seed: random programs on the real handlers, chaos, healing, and the evidence.
 * Chance comes in streams of its own for each purpose, so that one draw more in one of them does not change the others.
 */
import { PurgeQueueCommand } from "@aws-sdk/client-sqs";
import { Perdure } from "../../sdk/client.js";
import type { Random } from "../../sdk/clock.js";
import type { PerdureFunction } from "../../sdk/function.js";
import { isLive, type RunHead } from "../../runtime/core/run.js";
import type { RunLimit } from "../../runtime/flow/limits-of-run.js";
import { Sweeper } from "../../runtime/sweep/sweep.js";
import { seededRandom, seedOf } from "../../local/aws/seeded-random.js";
import { fairBehaviour } from "../../local/aws/sqs/behaviour.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { EVENT_KEY, SIGNING_KEY, World } from "../../local/world/world.js";
import { Peek } from "../crash/peek.js";
import type { Sabotage } from "../crash/tap.js";
import { DAY, HOUR, MINUTE, START_MS } from "../scenario/world.js";
import { Chaos } from "./chaos.js";
import { CodeVersion } from "./code-version.js";
import { collectEvidence, type Evidence } from "./evidence.js";
import { Ledger } from "./ledger.js";
import { LogLines } from "./log-lines.js";
import { BulkCancels } from "./operators/bulk-cancel.js";
import { limitsOfRun } from "./options/concurrency.js";
import { planDeeds, type PlannedDeed } from "./operators/plan.js";
import { drawPrograms, functionOf, type Program } from "./program.js";
import { Outside, STOP_EVENT } from "./sent-requests.js";
import { Stranded } from "./stranded.js";
import { drawSwarm, type Swarm } from "./swarm.js";
import { Watch } from "./watch.js";

export interface SimulationOptions {
  /** Keeps a readable line for everything that happens. */
  timeline?: boolean;
  /** Changes what was drawn: a test of one fault turns the others off. */
  swarm?: (drawn: Swarm) => Swarm;
  /** Breaks a rule of the engine on purpose, to see that the checks notice. */
  sabotage?: Sabotage;
}

const APP_ID = "sim";
/** So long that nothing a world does expires before it is judged. */
const RETENTION_DAYS = 60;
/** From the end of the chaos: one wait of nine days after the other, retries of hours, half an hour between two sweeps. */
const HORIZON_MS = 60 * DAY;
const LONGEST_FREEZE_MS = MINUTE;
const QUIET_LOOKS = 3;
const LATEST_SANDBOXES = 6;
/** Lists a function's runs: what it does not show is not cancelled in bulk. */
const FUNCTION_INDEX = "byFunction";
/** A due entry is up to half an hour after the wake it guards. */
const DUE_SLACK_MS = HOUR;

const STREAMS = [
  ...(["programs", "swarm", "world", "ties", "chaos", "outside", "operators", "skew", "code"] as const),
  ...(["options", "bulk cancels", "doom", "concurrency"] as const),
] as const;
type Stream = (typeof STREAMS)[number];

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Evidence> {
  const simulation = await Simulation.begin(seed, options);
  try {
    await simulation.chaos();
    await simulation.heal();
    return await simulation.evidence();
  } finally {
    await simulation.stop();
  }
}

/** The drawn parts of a world, before it begins. */
class Blueprint {
  readonly seed: number;
  readonly swarm: Swarm;
  readonly programs: readonly Program[];
  readonly clock: VirtualClock;
  readonly deploys: { version: number; atMs: number }[] = [];
  readonly #client = new Perdure({ id: APP_ID, logger: silent });
  #version = 0;

  constructor(seed: number, options: SimulationOptions) {
    this.seed = seed;
    this.programs = drawPrograms({
      code: this.random("programs"),
      options: this.random("options"),
      doom: this.random("doom"),
      concurrency: this.random("concurrency"),
    });
    const drawn = drawSwarm(this.random("swarm"));
    this.swarm = options.swarm?.(drawn) ?? drawn;
    this.clock = new VirtualClock({
      startMs: START_MS,
      ...(this.swarm.shufflesTies ? { tieBreak: this.random("ties") } : {}),
    });
  }

  random(stream: Stream): Random {
    return seededRandom(seedOf(this.seed, STREAMS.indexOf(stream)));
  }

  /** The functions in the next version of their code. */
  nextCode(ledger: () => Ledger): PerdureFunction<never>[] {
    const version = new CodeVersion(seedOf(this.seed, STREAMS.indexOf("code")), this.#version);
    this.deploys.push({ version: this.#version, atMs: this.clock.now() });
    this.#version += 1;
    const cancelOn = this.swarm.cancelsByEvent ? [{ event: STOP_EVENT, match: "data.canary" }] : [];
    return this.programs.map((program) => functionOf(this.#client, program, version, ledger, cancelOn));
  }

  /** The same sandbox is wrong by as much in every repetition. */
  readonly skewMs = (sandboxId: string): number => {
    let hash = seedOf(this.seed, STREAMS.indexOf("skew"));
    for (const character of sandboxId) hash = seedOf(hash, character.charCodeAt(0));
    return Math.round((seededRandom(hash).unit() * 2 - 1) * this.swarm.skewMs);
  };
}

class Simulation {
  readonly #blueprint: Blueprint;
  readonly #world: World;
  readonly #watch: Watch;
  readonly #ledger: Ledger;
  readonly #lines: LogLines;
  readonly #chaos: Chaos;
  readonly #outside: Outside;
  readonly #bulkCancels: BulkCancels;
  readonly #orphans: string[] = [];
  readonly #stranded = new Stranded((runId) => this.#peek().head(runId));
  readonly #staleFeeds: number[] = [];
  #faults = 0;
  #sweeps = 0;
  #healedAtMs = 0;

  private constructor(blueprint: Blueprint, world: World, lines: LogLines, options: SimulationOptions) {
    this.#blueprint = blueprint;
    this.#world = world;
    this.#lines = lines;
    const { clock, swarm } = blueprint;
    if (options.sabotage) sabotageTable(world, options.sabotage);
    const now = (): number => clock.now();
    this.#watch = new Watch(world, () => this.#peek(), { now, keepsLines: options.timeline === true });
    this.#ledger = new Ledger(
      clock,
      () => this.#peek(),
      (line) => this.#watch.note(line),
    );
    this.#outside = new Outside(world, now, blueprint.random("outside"));
    this.#bulkCancels = new BulkCancels(world, now, blueprint.random("bulk cancels"));
    this.#chaos = new Chaos(swarm, blueprint.random("chaos"), {
      now,
      freeze: (sandboxId, ms) => this.#freeze(sandboxId, ms),
      struck: (call, fault) => {
        this.#note(`${fault} strikes ${call.caller.sandboxId ?? call.caller.name} ${call.operation}`);
        if (fault === "stale" && call.input["IndexName"] === FUNCTION_INDEX) this.#staleFeeds.push(now());
      },
    });
    world.aws.faults.add(this.#chaos.rule);
    Object.assign(world.aws.sqs.behaviour, swarm.queues);
    world.aws.scheduler.behaviour.lateness = (random) => random.unit() * swarm.schedulesLateMs;
    world.aws.scheduler.behaviour.duplicateProbability = swarm.schedulesTwice;
    world.onInvocation(({ error }) => {
      if (error?.failure === "timeout") this.#watch.markers.add("invocation timed out");
      if (error?.failure === "exit") this.#watch.markers.add("sandbox died");
    });
  }

  static async begin(seed: number, options: SimulationOptions): Promise<Simulation> {
    const blueprint = new Blueprint(seed, options);
    const lines = new LogLines();
    const { clock, swarm } = blueprint;
    const holder: { simulation?: Simulation } = {};
    const ledger = (): Ledger => {
      if (!holder.simulation) throw new Error("The world has not begun");
      return holder.simulation.#ledger;
    };
    const world = await World.start({
      clock,
      random: blueprint.random("world"),
      client: { id: APP_ID },
      functions: blueprint.nextCode(ledger),
      logger: lines.logger,
      sweeper: false,
      workerConcurrency: swarm.workers,
      workerTimeoutMs: swarm.workerTimeoutMs,
      retentionDays: RETENTION_DAYS,
      skewMs: blueprint.skewMs,
    });
    await clock.settle();
    holder.simulation = new Simulation(blueprint, world, lines, options);
    return holder.simulation;
  }

  async chaos(): Promise<void> {
    const { clock, swarm } = this.#blueprint;
    const beginsAtMs = clock.now();
    for (const deed of planDeeds(swarm, this.#blueprint.random("operators"))) {
      // What happens at the same instant does not wait for each other.
      if (beginsAtMs + deed.atMs > clock.now()) await clock.advanceTo(beginsAtMs + deed.atMs);
      this.#do(deed);
    }
    await clock.advanceTo(beginsAtMs + swarm.chaosMs);
  }

  /** Nothing goes wrong any more: everything must end. Time leaps to where somebody would look. */
  async heal(): Promise<void> {
    this.#chaos.end();
    this.#note("chaos is over");
    const { clock } = this.#blueprint;
    this.#healedAtMs = clock.now();
    const { sqs, scheduler } = this.#world.aws;
    Object.assign(sqs.behaviour, fairBehaviour());
    Object.assign(scheduler.behaviour, { lateness: () => 0, duplicateProbability: 0 });
    const untilMs = clock.now() + HORIZON_MS;
    let heads = this.#heads();
    for (let quiet = 0; quiet < QUIET_LOOKS && clock.now() < untilMs;) {
      const dueAtMs = nextDueMs(heads);
      const leapMs = dueAtMs === null ? MINUTE : Math.min(DAY, Math.max(MINUTE, dueAtMs - clock.now()));
      await clock.advance(leapMs);
      if (dueAtMs !== null && dueAtMs <= clock.now()) this.#sweep(0);
      heads = this.#heads();
      this.#look(heads);
      this.#stranded.look(this.#watch.slots, clock.now());
      quiet = this.#isQuiet(heads) ? quiet + 1 : 0;
    }
    await clock.settle();
  }

  evidence(): Promise<Evidence> {
    const { seed, swarm, programs, clock, deploys } = this.#blueprint;
    const { requests, cancels } = this.#outside;
    const markers = new Set([...this.#watch.markers, ...this.#ledger.markers(), ...this.#lines.markers()]);
    return collectEvidence(this.#world, this.#peek(), this.#watch, {
      ...{ seed, swarm, programs, deploys, requests, cancels, markers },
      ledger: this.#ledger,
      bulkRequests: this.#bulkCancels.asked,
      staleFeeds: this.#staleFeeds,
      healedAtMs: this.#healedAtMs,
      orphans: this.#orphans,
      stranded: this.#stranded.problems(this.#watch.slots),
      logLines: this.#lines.lines,
      secrets: [EVENT_KEY, SIGNING_KEY],
      faults: this.#faults,
      virtualMs: clock.now() - START_MS,
    });
  }

  stop(): Promise<void> {
    return this.#world.stop();
  }

  #peek(): Peek {
    return new Peek(this.#world, this.#blueprint.clock.now());
  }

  #note(fault: string): void {
    this.#faults += 1;
    if (fault.startsWith("stale")) this.#watch.markers.add("index behind");
    this.#watch.note(`*** ${fault}`);
  }

  #freeze(sandboxId: string, ms: number): void {
    this.#watch.markers.add("sandbox froze");
    this.#world.freeze(sandboxId, ms);
  }

  #do({ deed, chance }: PlannedDeed): void {
    const { programs } = this.#blueprint;
    if (deed === "look") return this.#look(this.#heads());
    if (deed === "sweep") return this.#sweep(this.#sweeps);
    if (deed === "crowd") return void this.#outside.crowd(programs, chance).catch(() => undefined);
    if (deed === "request") return void this.#outside.post(programs).catch(() => undefined);
    if (deed === "redeploy") {
      return this.#redeploy();
    }
    if (deed === "cancel") return this.#cancel(chance);
    if (deed === "cancel in bulk") {
      this.#note("an operator cancels in bulk");
      return void this.#bulkCancels.ask(programs);
    }
    if (deed === "purge") return this.#purge();
    if (deed === "disaster") return this.#disaster();
    if (deed === "outage") return this.#chaos.outage(chance);
    const recent = this.#chaos.sandboxes.slice(-LATEST_SANDBOXES);
    const sandboxId = recent[Math.floor(chance * recent.length)];
    if (sandboxId === undefined) return;
    this.#note(`${deed} ${sandboxId}`);
    if (deed === "kill") this.#world.aws.kill(sandboxId);
    else this.#freeze(sandboxId, Math.ceil(chance * LONGEST_FREEZE_MS));
  }

  /** Odd ones are a second sweeper beside the platform's own, which runs one at a time. */
  #sweep(count: number): void {
    this.#sweeps += 1;
    const sweeping =
      count % 2 === 0
        ? this.#world.lambda("sweep").invoke({})
        : new Sweeper(this.#world.services("sweep", `sweep-second-${count}`)).sweep();
    // What fails is tried again a minute later.
    void sweeping.catch(() => undefined);
  }

  #redeploy(): void {
    this.#note("new code is deployed");
    const functions = this.#blueprint.nextCode(() => this.#ledger);
    for (const { hash, limit } of this.#limitsNow()) this.#watch.slots.lowered(hash, limit);
    void this.#world.redeploy(functions).catch(() => undefined);
  }

  /** What limits say from now on. */
  #limitsNow(): RunLimit[] {
    const { programs, deploys } = this.#blueprint;
    return this.#liveHeads().flatMap((head) => {
      const program = programs.find(({ functionId }) => functionId === head.functionId);
      return program ? limitsOfRun(head, program, deploys.length - 1) : [];
    });
  }

  #cancel(chance: number): void {
    if (this.#blueprint.swarm.cancelsByEvent) {
      this.#note("an event cancels a run");
      return void this.#outside.stop(chance).catch(() => undefined);
    }
    const live = this.#liveHeads().map(({ runId }) => runId);
    const runId = live[Math.floor(chance * live.length)];
    if (runId === undefined) return;
    this.#note(`an operator cancels ${runId}`);
    void this.#outside.cancel(runId).catch(() => undefined);
  }

  /** Whoever was at work is gone, and so is the message that would have brought it back. */
  #disaster(): void {
    this.#purge();
    for (const sandboxId of this.#chaos.sandboxes.slice(-LATEST_SANDBOXES)) {
      this.#note(`kill ${sandboxId}`);
      this.#world.aws.kill(sandboxId);
    }
  }

  #purge(): void {
    this.#note("an operator purges the step queue");
    const { sqs } = this.#world.services("operator").clients;
    // SQS refuses a second purge within a minute.
    void sqs.send(new PurgeQueueCommand({ QueueUrl: this.#world.stepQueueUrl })).catch(() => undefined);
  }

  /** Every live run is in the due index at every instant, and outlives its next wake: whatever else is lost, it is found. */
  #look(heads: readonly RunHead[]): void {
    for (const { runId, status, dueAtMs, ttlSeconds, leaseUntilMs } of heads) {
      if (!isLive(status)) continue;
      if (dueAtMs === null) {
        this.#orphans.push(`live run ${runId} had no due entry`);
      } else if (leaseUntilMs === 0 && ttlSeconds * 1_000 < dueAtMs - DUE_SLACK_MS + RETENTION_DAYS * DAY) {
        this.#orphans.push(`live run ${runId} would have expired before its retention after its next wake`);
      }
    }
  }

  #heads(): RunHead[] {
    const peek = this.#peek();
    return this.#watch.runIds.flatMap((runId) => peek.head(runId) ?? []);
  }

  #liveHeads(): RunHead[] {
    return this.#heads().filter(({ status }) => isLive(status));
  }

  #isQuiet(heads: readonly RunHead[]): boolean {
    const peek = this.#peek();
    const isOver = heads.every(({ status, dueAtMs }) => !isLive(status) && dueAtMs === null);
    return isOver && peek.timers().length === 0 && peek.messages().every(({ messages }) => messages === 0);
  }
}

/** When a sweeper would next find something. */
function nextDueMs(heads: readonly RunHead[]): number | null {
  const dues = heads.flatMap(({ dueAtMs }) => dueAtMs ?? []);
  return dues.length === 0 ? null : Math.min(...dues);
}

/** The table is told something else than it was asked. */
function sabotageTable(world: World, sabotage: Sabotage): void {
  const { dynamodb } = world.aws;
  const execute = dynamodb.execute.bind(dynamodb);
  dynamodb.execute = (operation, input, context) => execute(operation, sabotage(operation, input), context);
}
