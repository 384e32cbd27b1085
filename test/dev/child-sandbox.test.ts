/**
 * Goal: a child process is a sandbox: it answers, its death is noticed, its parent's death ends it.
 * Method: the real bootstrap, bundled once, with small handler modules in a temporary directory, on the machine's clock.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { childSandboxes } from "../../local/lambda/child-sandbox.js";
import { LambdaFunction } from "../../local/lambda/lambda-function.js";
import { realClock, realRandom } from "../../sdk/clock.js";

let directory = "";
let bootstrapFile = "";
const open: LambdaFunction[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "perdure-child-"));
  bootstrapFile = join(directory, "sandbox.mjs");
  const entry = resolve(import.meta.dirname, "../../local/lambda/child-main.ts");
  await build({ entryPoints: [entry], outfile: bootstrapFile, bundle: true, platform: "node", format: "esm" });
});

afterAll(async () => {
  for (const target of open) await target.stop(0);
  rmSync(directory, { recursive: true, force: true });
});

function moduleFile(name: string, source: string): string {
  const file = join(directory, name);
  writeFileSync(file, source);
  return file;
}

function setup(name: string, source: string, timeoutMs = 20_000) {
  const lines: string[] = [];
  const target = new LambdaFunction(
    { name: "worker", timeoutMs, memoryMb: 512, maxConcurrency: 4 },
    {
      clock: realClock,
      random: realRandom,
      sandboxes: childSandboxes({
        clock: realClock,
        bootstrapFile,
        moduleFile: moduleFile(name, source),
        environment: (sandboxId) => ({ ...process.env, SANDBOX: sandboxId }),
        onLine: (sandboxId, line, stream) => lines.push(`${sandboxId} ${stream} ${line}`),
      }),
    },
  );
  open.push(target);
  return { target, lines };
}

describe("childSandboxes()", () => {
  it("runs the handler in its own process and environment, warm the second time", async () => {
    const { target, lines } = setup(
      "echo.mjs",
      `let calls = 0;
       export const handler = async (event, context) => {
         console.log("first line\\nsecond line");
         return { event, calls: ++calls, pid: process.pid, sandbox: process.env.SANDBOX, name: context.functionName,
                  left: context.getRemainingTimeInMillis() > 0 };
       };`,
    );
    const first = await target.invoke({ a: [1] });
    expect(first).toMatchObject({ event: { a: [1] }, calls: 1, sandbox: "worker-1", name: "worker", left: true });
    expect(first).not.toMatchObject({ pid: process.pid });
    expect(await target.invoke(2)).toMatchObject({ event: 2, calls: 2 });
    expect(lines).toContain("worker-1 stdout second line");
  });

  it("carries the handler's error and keeps the process", async () => {
    const { target } = setup(
      "throws.mjs",
      `export const handler = (event) => { if (event === "bad") throw new RangeError("too far"); return process.env.SANDBOX; };`,
    );
    await expect(target.invoke("bad")).rejects.toMatchObject({
      failure: "handler",
      errorType: "RangeError",
      message: "too far",
      trace: expect.stringContaining("throws.mjs"),
    });
    expect(await target.invoke("good")).toBe("worker-1");
  });

  it("says why the code cannot be loaded", async () => {
    const broken = setup("broken.mjs", `throw new TypeError("at load");`);
    await expect(broken.target.invoke({})).rejects.toMatchObject({
      failure: "init",
      errorType: "TypeError",
      message: "at load",
    });
    const empty = setup("empty.mjs", `export const other = 1;`);
    await expect(empty.target.invoke({})).rejects.toMatchObject({
      failure: "init",
      errorType: "Runtime.HandlerNotFound",
    });
  });

  it("answers Runtime.ExitError for kill -9 and goes on in a new process", async () => {
    const { target } = setup(
      "dies.mjs",
      `export const handler = (event) => {
         if (event === "die") process.kill(process.pid, "SIGKILL");
         if (event === "exit") process.exit(3);
         return event === "ok" ? process.env.SANDBOX : new Promise(() => {});
       };`,
    );
    await expect(target.invoke("die")).rejects.toMatchObject({
      errorType: "Runtime.ExitError",
      message: expect.stringMatching(/Runtime exited with error: signal: killed$/),
    });
    await expect(target.invoke("exit")).rejects.toMatchObject({ message: expect.stringMatching(/: exit status 3$/) });
    expect(await target.invoke("ok")).toBe("worker-3");
  });

  it("kills a handler that keeps the processor beyond the timeout", async () => {
    const { target } = setup("spins.mjs", `export const handler = () => { for (;;); };`, 300);
    await expect(target.invoke({})).rejects.toMatchObject({ errorType: "Sandbox.Timedout" });
  });

  it("ends the process after the response when the handler retires it", async () => {
    const { target } = setup(
      "retires.mjs",
      `export const handler = (event, context) => { context.retire(); return process.env.SANDBOX; };`,
    );
    expect([await target.invoke(1), await target.invoke(2)]).toEqual(["worker-1", "worker-2"]);
  });

  it("ends by itself when its parent was killed", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const handler = moduleFile(
      "orphan.mjs",
      `import { connect } from "node:net"; connect(${port}, "127.0.0.1"); export const handler = () => 1;`,
    );
    const parent = moduleFile(
      "parent.mjs",
      `import { fork } from "node:child_process";
       fork(${JSON.stringify(bootstrapFile)}, ["worker-1", ${JSON.stringify(handler)}], { serialization: "advanced" });`,
    );
    const server = fork(parent);
    const [socket] = (await once(listener, "connection")) as [Socket];
    socket.resume();
    server.kill("SIGKILL");
    // The child's socket closes with the child: the test waits for its end itself, not for a time.
    await once(socket, "close");
    listener.close();
  });
});
