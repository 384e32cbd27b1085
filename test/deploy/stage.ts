/**
 * Owns: what the deploy tests stand on: the repository's own stack, synthesized as `npm run synth` does, deployed on the
 * embedded AWS; and what was seen while it ran.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { realClock, realRandom, sleep } from "../../sdk/clock.js";
import { readAssembly, type StackAssembly } from "../../local/deploy/assembly.js";
import { DeployedStack } from "../../local/deploy/deployment.js";
import type { InvocationReport } from "../../local/lambda/lambda-function.js";

/** When it was not bundled into another file. */
export const REPOSITORY = resolve(import.meta.dirname, "../..");
const POLL_MS = 100;
/** A bound for a hang; nothing is asserted about time. */
const PATIENCE_MS = 60_000;

export interface Stage {
  stack: DeployedStack;
  assembly: StackAssembly;
  /** What functions printed: "<logical id> <line>". */
  lines: string[];
  /** Calls that IAM denied: "<function> <action…>", as answered. */
  denials: string[];
  /** What went wrong where no caller was told. */
  problems: string[];
  reports: InvocationReport[];
  /** A directory of its own, for code that is deployed later. */
  directory: string;
  close(): Promise<void>;
}

/** `root`: the repository. */
export async function openStage(root = REPOSITORY): Promise<Stage> {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "perdure-deploy-"));
  const output = join(directory, "cdk.out");
  execFileSync(
    process.execPath,
    [join(root, "node_modules", "aws-cdk", "bin", "cdk"), "synth", "--quiet", "--no-notices", "--output", output],
    {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], CI: "true", CDK_DISABLE_CLI_TELEMETRY: "true" },
    },
  );
  const bootstrapFile = await bundleBootstrap(root, directory);
  const seen = {
    lines: [] as string[],
    denials: [] as string[],
    problems: [] as string[],
    reports: [] as InvocationReport[],
  };
  const assembly = readAssembly(output);
  const stack = await DeployedStack.deploy({
    assembly,
    clock: realClock,
    random: realRandom,
    bootstrapFile,
    maxSandboxes: 4,
    // The examples' outside world fails twice in each process that it is asked from.
    functionConcurrency: 1,
    environment: process.env,
    onLine: (functionId, line) => seen.lines.push(`${functionId} ${line}`),
    onDenied: (call, answer) => seen.denials.push(`${call.caller.name} ${answer.message}`),
    onProblem: ({ where, problem }) => seen.problems.push(`${where}: ${JSON.stringify(problem)} ${String(problem)}`),
    onReport: (report) => seen.reports.push(report),
  });
  const close = async (): Promise<void> => {
    await stack.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { stack, assembly, directory, close, ...seen };
}

/** A stack of its own whose apps attach to the platform by its exports, synthesized with the package as `openStage` built it. */
export function synthesizeAttached(directory: string, apps: Record<string, string>, root = REPOSITORY): StackAssembly {
  const output = join(directory, "cdk.attached.out");
  const constructs = join(root, "node_modules", ".cache", "perdure-cdk", "dist", "cdk.js");
  const script = `
    import { App, Stack } from "aws-cdk-lib";
    import { PerdurePlatform } from ${JSON.stringify(constructs)};
    const app = new App({ outdir: ${JSON.stringify(output)} });
    const stack = new Stack(app, "Attached");
    const platform = PerdurePlatform.fromExports(stack, "Perdure", { name: "perdure" });
    for (const [id, entry] of Object.entries(${JSON.stringify(apps)})) platform.addApp(id, { entry });
    app.synth();`;
  execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return readAssembly(output, "Attached");
}

/** The inside of a sandbox, as the package ships it. */
export async function bundleBootstrap(root: string, directory: string): Promise<string> {
  const outfile = join(directory, "sandbox.mjs");
  await build({
    entryPoints: [join(root, "local", "lambda", "child-main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
  });
  return outfile;
}

/** What `look` finds, once it finds something. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const untilMs = realClock.monotonic() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (realClock.monotonic() > untilMs) throw new Error(`There was still no ${what}`);
    await sleep(realClock, POLL_MS);
  }
}
