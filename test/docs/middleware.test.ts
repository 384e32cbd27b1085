/**
 * Goal: the code in docs/middleware.md compiles and does what the page says, as it stands.
 * Method: every block goes to the file it names, beside a fake of the services they import; they are type-checked against the
 * package's own sources, bundled, which makes a second copy of the package, and run on the whole platform in process.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleSources } from "../../scripts/build.mjs";
import type { PerdureFunction } from "../../sdk/function.js";
import type { EventQueue } from "../../sdk/client.js";
import { scenarios } from "../scenario/started.js";
import { SECOND } from "../scenario/world.js";
import { read, ROOT, rowsOf } from "./markdown.js";

const start = scenarios();
const directory = join(ROOT, "node_modules", ".cache", `perdure-middleware-${process.pid}`);
const PAGE = "docs/middleware.md";

const SERVICES = `
export const filed: unknown[] = [];
export const timed: string[] = [];
export const secrets = { current: "a key of the documentation, long enough" };
export const db = { file: async (patientId: string, finding: unknown) => ({ number: filed.push([patientId, finding]) }) };
export const mailer = { send: async (to: string, text: string): Promise<string> => "to " + to + ": " + text };
export const metrics = { time: async (name: string, work: () => Promise<unknown>) => (timed.push(name), work()) };
`;

const MAIN = `
export { filed, timed } from "./services.js";
export { fileResult, perdure } from "./clinic.js";
`;

const TSCONFIG = { extends: "../../../tsconfig.json", include: ["src"] };

/** What the files above export; the compiler has seen it. */
interface Main {
  filed: unknown[];
  timed: string[];
  fileResult: PerdureFunction<never>;
  perdure: {
    id: string;
    sendThrough(queue: EventQueue): void;
    send(event: { name: string; data: object }): Promise<{ ids: string[] }>;
  };
}

function write(file: string, text: string): void {
  const path = join(directory, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const blocks = [...read(PAGE).matchAll(/^```ts\n\/\/ (src\/[\w.-]+\.ts)\n([\s\S]*?)^```$/gm)];

beforeAll(() => {
  for (const [, file = "", code = ""] of blocks) write(file, code);
  write("src/services.ts", SERVICES);
  write("src/main.ts", MAIN);
  write("tsconfig.json", JSON.stringify(TSCONFIG));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it("every block names its file", () => {
  expect(blocks.map(([, file]) => file)).toEqual(["src/clinic.ts", "src/notify.ts"]);
  expect(read(PAGE).match(/^```ts$/gm)).toHaveLength(2);
});

it("the blocks compile", () => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", directory], { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});

it("they run: the function reads what nobody else can, and each body is timed", async () => {
  const outfile = join(directory, "main.mjs");
  await bundleSources(join(directory, "src/main.ts"), outfile);
  const main = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as Main;
  const scenario = await start({ client: main.perdure, functions: [main.fileResult] });
  main.perdure.sendThrough(async (events) => ({ ids: await scenario.post(events) }));
  const data = { patientId: "p_1", encrypted: { finding: "all is well" } };
  const { ids } = await main.perdure.send({ name: "clinic/result.in", data });
  await scenario.advance(SECOND);
  const { head, output, entries } = await scenario.runOf(ids[0] ?? "");
  expect(head.status).toBe("Completed");
  expect(main.filed).toEqual([["p_1", { finding: "all is well" }]]);
  expect(main.timed).toEqual(["file-result/file", "file-result/notify-p_1"]);
  expect(output).toMatch(/^perdure\.encrypted\./);
  expect(JSON.stringify(entries)).not.toContain("Your result is there");
});

it("the table names every hook there is, and no other", () => {
  const named = rowsOf(PAGE, ["Hook", "When", "One that throws"]).flatMap(([hook = ""]) =>
    [...hook.matchAll(/`(\w+)/g)].map(([, name]) => name),
  );
  const declared = [...read("sdk/middleware/middleware.ts").matchAll(/^ {2}(\w+)\?\(hook: /gm)].map(([, name]) => name);
  expect(declared.length).toBeGreaterThan(10);
  expect([...named].sort()).toEqual([...declared].sort());
});
