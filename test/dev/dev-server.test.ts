/**
 * Goal: `perdure dev` is what a newcomer expects: it starts, runs functions, takes saves over, survives being killed, and says
 * clearly why it cannot start.
 * Method: the built package in a project outside the repository's sources, the command as a real process, real requests.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createServer } from "node:net";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { DevProcess, makeProject } from "./dev-process.js";
import type { Project } from "./dev-process.js";

const WORKER = (greeting: string): string => `
  import { Perdure } from "perdure";
  import { serve } from "perdure/lambda";
  const perdure = new Perdure({ id: "demo" });
  const greet = perdure.createFunction({ id: "greet", triggers: [{ event: "demo/greet" }] }, async ({ event, step }) => {
    const first = await step.run("first", () => { console.log("body first " + event.data.name); return 1; });
    await step.sleep("nap", String(event.data.nap) as "1s");
    return step.run("second", () => { console.log("body second ${greeting} " + event.data.name); return first + 1; });
  });
  const slow = perdure.createFunction({ id: "slow", triggers: [{ event: "demo/slow" }] }, async ({ step }) => {
    await step.run("before", () => { console.log("slow before"); });
    return step.run("killed", () => {
      console.log("slow body in " + process.pid);
      setTimeout(() => console.log("slow body beats in " + process.pid), 3_000);
      return new Promise(() => {});
    });
  });
  export const handler = serve({ client: perdure, functions: [greet, slow] });
`;

let project: Project;
const running: DevProcess[] = [];

beforeAll(async () => {
  project = await makeProject({
    "src/worker.ts": WORKER("hello"),
    "src/samples.json": JSON.stringify([{ name: "demo/greet", data: { name: "Ada", nap: "1s" } }]),
  });
});

afterEach(async () => {
  for (const server of running.splice(0)) {
    server.signal("SIGKILL");
    await server.ended;
  }
});

afterAll(() => project.remove());

function dev(args: readonly string[], environment: NodeJS.ProcessEnv = {}): DevProcess {
  const server = new DevProcess(project, ["dev", ...args], environment);
  running.push(server);
  return server;
}

async function started(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const server = dev(["--port", "0", ...args], environment);
  const [, url = ""] = await server.line(/listening +(http:\S+)/);
  await server.line(/curl/);
  return { server, url };
}

/** Resolves when a line of the file matches: a state that is durable, but that nobody prints. */
async function written(file: string, pattern: RegExp): Promise<void> {
  const watcher = watch(file);
  while (!pattern.test(readFileSync(file, "utf8"))) await once(watcher, "change");
  watcher.close();
}

async function send(url: string, name: string, data: object): Promise<{ status: number; ids: string[] }> {
  const response = await fetch(`${url}/e/dev`, { method: "POST", body: JSON.stringify({ name, data }) });
  const { ids } = (await response.json()) as { ids: string[] };
  return { status: response.status, ids };
}

describe("perdure dev", () => {
  it("prints what one needs, runs a function and tells its start, end, duration and cost", async () => {
    const { server, url } = await started(["--data", "basic"]);
    expect(server.lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/event key +dev/),
        expect.stringMatching(/signing key +dev/),
        expect.stringMatching(/greet +event demo\/greet/),
        `  curl -X POST ${url}/e/dev -H 'content-type: application/json' -d '{"name":"demo/greet","data":{"name":"Ada","nap":"1s"}}'`,
      ]),
    );
    expect(await send(url, "demo/greet", { name: "Ada", nap: "1s" })).toEqual({
      status: 200,
      ids: [expect.any(String)],
    });
    await server.line(/greet +demo_\S+ +started/);
    await server.line(/worker +\| body second hello Ada/);
    await server.line(
      /greet +demo_\S+ +completed +[\d.]+ m?s +\$0\.\d+ +\([1-9]\d* writes, .*queue calls, .*invocations?\)/,
    );
    expect(server.count(/body first/)).toBe(1);
    server.signal("SIGINT");
    expect(await server.ended).toEqual([0, null]);
  });

  it("takes a save over, and keeps the old code when a save is broken", async () => {
    const { server, url } = await started(["--data", "reload"]);
    const before = server.lines.length;
    project.write("src/worker.ts", "export const handler = (");
    await server.line(/ENTRY_NOT_BUILT/, before);
    await send(url, "demo/greet", { name: "Old", nap: "0s" });
    await server.line(/body second hello Old/);
    const mark = server.lines.length;
    project.write("src/worker.ts", WORKER("goodbye"));
    await server.line(/Functions of app/, mark);
    await send(url, "demo/greet", { name: "New", nap: "0s" });
    await server.line(/body second goodbye New/);
    project.write("src/worker.ts", WORKER("hello"));
  });

  it("goes on after kill -9 of the server in the middle of a sleep, without repeating a step", async () => {
    const first = await started(["--data", "killed"]);
    await send(first.url, "demo/greet", { name: "Sleeper", nap: "3s" });
    await first.server.line(/body first Sleeper/);
    // The turn is over when its message is deleted: the run is parked, and only a delayed message knows of it.
    await written(join(project.directory, "killed", "aws.log"), /DeleteMessageBatch.*perdure-steps/);
    first.server.signal("SIGKILL");
    await first.server.ended;
    const second = await started(["--data", "killed"]);
    await second.server.line(/body second hello Sleeper/);
    await second.server.line(/greet +demo_\S+ +completed .*since the restart/);
    expect(second.server.count(/body first/)).toBe(0);
  }, 60_000);

  it("goes on after kill -9 of a worker in the middle of a step, without repeating a completed one", async () => {
    const { server, url } = await started(["--data", "worker"]);
    await send(url, "demo/slow", {});
    // Past two seconds a turn holds its message by short extensions: from then on a kill is noticed in half a minute.
    const [, pid] = await server.line(/slow body beats in (\d+)/);
    process.kill(Number(pid), "SIGKILL");
    await server.line(/Runtime\.ExitError/);
    const mark = server.lines.length;
    const [, second] = await server.line(/slow body in (\d+)/, mark);
    expect(second).not.toBe(pid);
    expect(server.count(/slow before/)).toBe(1);
  }, 90_000);
});

describe("perdure dev that cannot start", () => {
  async function refusal(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<[number | null, string]> {
    const server = dev(args, environment);
    const [code] = await server.ended;
    return [code, server.lines.join("\n")];
  }

  it("names a port in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = String(typeof address === "object" && address !== null ? address.port : 0);
    const [code, text] = await refusal(["--port", port, "--data", "port"]);
    expect([code, text]).toEqual([1, expect.stringContaining(`PORT_IN_USE  Cannot listen on port "${port}"`)]);
    taken.close();
  });

  it("names the process that uses the data directory", async () => {
    await started(["--data", "locked"]);
    const [code, text] = await refusal(["--port", "0", "--data", "locked"]);
    expect([code, text]).toEqual([1, expect.stringMatching(/DATA_DIRECTORY_LOCKED .*process \d+/)]);
  });

  it("names what is wrong with the entry", async () => {
    project.write("no-handler.ts", "export const other = 1;");
    project.write("not-served.ts", "export const handler = async () => ({});");
    project.write("throws.ts", `throw new Error("no database"); export const handler = 1;`);
    project.write("broken.ts", "export const handler = (");
    const refusals = {
      "missing.ts": /ENTRY_MISSING .*"missing\.ts"/,
      "no-handler.ts": /ENTRY_WITHOUT_HANDLER .*"no-handler\.ts"/,
      "not-served.ts": /ENTRY_NOT_SERVED .*"not-served\.ts"/,
      "throws.ts": /ENTRY_FAILED .*no database/,
      "broken.ts": /ENTRY_NOT_BUILT [\s\S]*broken\.ts:1/,
    };
    for (const [entry, pattern] of Object.entries(refusals)) {
      const [code, text] = await refusal(["--port", "0", "--data", "entry", "--entry", entry]);
      expect([entry, code, text]).toEqual([entry, 1, expect.stringMatching(pattern)]);
    }
  }, 60_000);

  it("names an option it does not know, and a command", async () => {
    expect(await refusal(["--prot", "1"])).toEqual([1, expect.stringContaining("OPTION_INVALID")]);
    const other = new DevProcess(project, ["deploy"]);
    expect(await other.ended).toEqual([1, null]);
    expect(other.lines.join("\n")).toContain("COMMAND_UNKNOWN");
  });
});

describe("perdure", () => {
  it("shows its help and its version", async () => {
    for (const [args, pattern] of [
      [["--help"], /Usage: perdure <command>/],
      [["dev", "--help"], /--signing-key KEY +PERDURE_SIGNING_KEY/],
      [["--version"], /^\d+\.\d+\.\d+$/],
    ] as const) {
      const command = new DevProcess(project, args);
      expect(await command.ended).toEqual([0, null]);
      expect(command.lines.join("\n")).toMatch(pattern);
    }
  });

  it("forgets what was kept with --fresh, and deletes nothing that is not its own", async () => {
    project.write("mine/keep.txt", "mine");
    const { server } = await started(["--data", "mine", "--fresh"]);
    server.signal("SIGTERM");
    expect(await server.ended).toEqual([0, null]);
    expect(existsSync(join(project.directory, "mine", "keep.txt"))).toBe(true);
    expect(readdirSync(join(project.directory, "mine")).sort()).toEqual([".gitignore", "aws.log", "build", "keep.txt"]);
  });
});
