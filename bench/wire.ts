/**
 * Speed on the wire face: the dev server as a user starts it, child processes, real AWS SDK clients over loopback HTTP, the
 * durable log. What AWS adds is latency between machines; what it does not have is everything sharing two cores.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock, sleep } from "../sdk/clock.js";
import { quantile, report, rounded } from "./report.js";

const HEADERS = { "content-type": "application/json" };
const AUTHORIZED = { authorization: "Bearer dev" };
const PATIENCE_MS = 60_000;

interface Run {
  status: string;
  output: unknown;
  queuedAt: string;
  endedAt: string | null;
}

export async function benchWire(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "perdure-bench-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = startServer(port, directory);
  try {
    await until(async () => (await fetch(`${url}/health`).catch(() => null))?.ok === true);
    await latency(url);
    await throughput(url, 300, "cold code");
    await throughput(url, 600, "warmed by 300 runs");
    await steps(url);
    await wide(url);
  } finally {
    server.kill("SIGINT");
    await new Promise((resolve) => server.once("exit", resolve));
    rmSync(directory, { recursive: true, force: true });
  }
}

function startServer(port: number, directory: string): ChildProcess {
  const args = [
    "dist/cli.js",
    "dev",
    "--entry",
    "bench/wire-functions.ts",
    "--port",
    String(port),
    "--data",
    directory,
  ];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  server.on("error", (error) => {
    throw error;
  });
  return server;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : null;
      probe.close(() => (port === null ? reject(new Error("No free port")) : resolve(port)));
    });
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = realClock.monotonic() + PATIENCE_MS;
  while (!(await condition())) {
    if (realClock.monotonic() > endMs) throw new Error("The dev server did not get there in a minute");
    await sleep(realClock, 20);
  }
}

async function send(url: string, events: readonly object[]): Promise<string[]> {
  const answer = await fetch(`${url}/e/dev`, { method: "POST", headers: HEADERS, body: JSON.stringify(events) });
  if (!answer.ok) throw new Error(`The events were not accepted: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { ids: string[] }).ids;
}

async function runOf(url: string, eventId: string): Promise<Run | null> {
  const answer = await fetch(`${url}/api/v1/events/${eventId}/runs`, { headers: AUTHORIZED });
  if (!answer.ok) return null;
  const [run] = ((await answer.json()) as { data: Run[] }).data;
  return run && run.endedAt !== null ? run : null;
}

async function ended(url: string, eventId: string): Promise<Run> {
  let found: Run | null = null;
  await until(async () => (found = await runOf(url, eventId)) !== null);
  if (!found) throw new Error(`Event "${eventId}" has no ended run`);
  return found;
}

async function latency(url: string): Promise<void> {
  const gapsMs: number[] = [];
  for (let n = 0; n < 60; n += 1) {
    const sentMs = performance.timeOrigin + performance.now();
    const [id = ""] = await send(url, [{ name: "bench/first" }]);
    const { output } = await ended(url, id);
    if (n >= 20) gapsMs.push((output as { startedAtMs: number }).startedAtMs - sentMs);
  }
  report({
    bench: "event to start",
    face: "wire",
    p50Ms: rounded(quantile(gapsMs, 0.5)),
    p99Ms: rounded(quantile(gapsMs, 0.99)),
  });
}

/** Worker processes start with code that is not compiled yet: the SDK's calls take twice the CPU for the first thousand. */
async function throughput(url: string, runs: number, processes: string): Promise<void> {
  const ids: string[] = [];
  for (let from = 0; from < runs; from += 10) {
    ids.push(
      ...(await send(
        url,
        Array.from({ length: 10 }, () => ({ name: "bench/five" })),
      )),
    );
  }
  const all: Run[] = [];
  for (const id of ids) all.push(await ended(url, id));
  const startMs = Math.min(...all.map((run) => Date.parse(run.queuedAt)));
  const endMs = Math.max(...all.map((run) => Date.parse(run.endedAt ?? "")));
  const runsPerSecond = rounded((runs / (endMs - startMs)) * 1_000, 0);
  report({ bench: "throughput", face: "wire", processes, runsPerSecond, stepsPerSecond: runsPerSecond * 5 });
}

async function steps(url: string): Promise<void> {
  const gaps: number[][] = [];
  for (let round = 0; round < 3; round += 1) {
    const [id = ""] = await send(url, [{ name: "bench/thousand" }]);
    gaps.push((await ended(url, id)).output as number[]);
  }
  for (const [name, from, to] of [
    ["1st", 0, 20],
    ["100th", 90, 110],
    ["1,000th", 980, 1_000],
  ] as const) {
    const samples = gaps.slice(1).flatMap((run) => run.slice(from, to));
    report({
      bench: "step added",
      face: "wire",
      step: name,
      p50Ms: rounded(quantile(samples, 0.5)),
      p99Ms: rounded(quantile(samples, 0.99)),
    });
  }
}

async function wide(url: string): Promise<void> {
  const spansMs: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    const [id = ""] = await send(url, [{ name: "bench/wide" }]);
    const { output } = await ended(url, id);
    if (n >= 4) spansMs.push(Number(output));
  }
  report({ bench: "100 parallel steps", face: "wire", p50Ms: rounded(quantile(spansMs, 0.5)) });
}
