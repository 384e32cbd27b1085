/**
 * Goal: the command printed at the start can be pasted and starts a function.
 * Method: manifests as literals, samples in a temporary directory, a real shell for the quoting.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { curlCommand, sampleEvent } from "../../local/dev/samples.js";
import type { AppManifest, TriggerConfig } from "../../sdk/protocol.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "perdure-samples-"));
  writeFileSync(join(directory, "samples.json"), JSON.stringify([{ name: "api/document.uploaded", data: { id: 7 } }]));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const manifest = (...triggers: TriggerConfig[]): AppManifest => ({
  appId: "shop",
  sdkVersion: "0",
  functions: [{ id: "f", name: "f", triggers, retries: 4 }],
});

describe("sampleEvent()", () => {
  it("takes the data from samples.json beside the entry", () => {
    const event = sampleEvent(
      manifest({ event: "other" }, { event: "api/document.uploaded" }),
      join(directory, "worker.ts"),
    );
    expect(event).toEqual({ name: "api/document.uploaded", data: { id: 7 } });
  });
  it("makes one up without a sample, also for a wildcard", () => {
    const entry = join(directory, "elsewhere", "worker.ts");
    expect(sampleEvent(manifest({ event: "app/user.*" }), entry)).toEqual({ name: "app/user.example", data: {} });
  });
  it("has none for an app of crons", () => {
    expect(sampleEvent(manifest({ cron: "0 * * * *" }), join(directory, "worker.ts"))).toBeUndefined();
  });
});

describe("curlCommand()", () => {
  it("survives a shell, quotes and all", () => {
    const data = { text: `it's "quoted" $HOME \`x\` \\` };
    const command = curlCommand("http://localhost:8288", "dev", { name: "a", data });
    const printed = execFileSync("sh", ["-c", command.replace("curl", "printf '%s\\n'")], { encoding: "utf8" });
    const lines = printed.trimEnd().split("\n");
    expect(lines.slice(0, 5)).toEqual([
      "-X",
      "POST",
      "http://localhost:8288/e/dev",
      "-H",
      "content-type: application/json",
    ]);
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({ name: "a", data });
  });
});
