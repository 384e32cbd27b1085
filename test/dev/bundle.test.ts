/**
 * Goal: the user's entry becomes one loadable file, mistakes are shown with their place, a save is noticed.
 * Method: real files in a temporary directory, the real bundler and the real file watch.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { EntryBundler, findEntry } from "../../local/dev/bundle.js";
import { FileWatch } from "../../local/dev/watch.js";
import { realClock } from "../../sdk/clock.js";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function setup(files: Record<string, string>) {
  const directory = mkdtempSync(join(tmpdir(), "perdure-bundle-"));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const write = (name: string, content: string): void => {
    mkdirSync(join(directory, name, ".."), { recursive: true });
    writeFileSync(join(directory, name), content);
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  mkdirSync(join(directory, "build"), { recursive: true });
  const bundler = new EntryBundler({
    entry: join(directory, "worker.ts"),
    buildDirectory: join(directory, "build"),
    workingDirectory: directory,
    installation: join(directory, "elsewhere", "dist"),
  });
  closers.push(() => bundler.close());
  return { directory, write, bundler };
}

describe("findEntry()", () => {
  it("takes the file that was named, else the first default there is", () => {
    const { directory, write } = setup({ "other.ts": "", "worker.ts": "" });
    expect(findEntry("other.ts", directory)).toBe(join(directory, "other.ts"));
    expect(findEntry(undefined, directory)).toBe(join(directory, "worker.ts"));
    write("src/worker.ts", "");
    expect(findEntry(undefined, directory)).toBe(join(directory, "src/worker.ts"));
  });

  it("says what is missing", () => {
    const { directory } = setup({});
    expect(() => findEntry("nowhere.ts", directory)).toThrow(expect.objectContaining({ code: "ENTRY_MISSING" }));
    expect(() => findEntry(undefined, directory)).toThrow(
      expect.objectContaining({ code: "ENTRY_NOT_FOUND", message: expect.stringContaining("src/worker.ts") }),
    );
  });
});

describe("EntryBundler", () => {
  it("bundles TypeScript, its imports and CommonJS packages into one module that loads", async () => {
    const { bundler, directory } = setup({
      "worker.ts": `import { two } from "./two.js"; import old from "old"; export const handler = (): number => two + old.one;`,
      "two.ts": `export const two: number = 2;`,
      "node_modules/old/package.json": `{"name":"old","main":"index.js"}`,
      "node_modules/old/index.js": `const path = require("path"); exports.one = path.join("a").length;`,
    });
    const { file, hash } = await bundler.build();
    const module = (await import(pathToFileURL(file).href)) as { handler(): number };
    expect(module.handler()).toBe(3);
    expect(hash).toMatch(/^[0-9a-f]{12}$/);
    expect([...bundler.inputs].sort()).toEqual([join(directory, "two.ts"), join(directory, "worker.ts")]);
  });

  it("gives the same hash for the same code and another for other code", async () => {
    const { bundler, write } = setup({ "worker.ts": `export const handler = () => 1;` });
    const first = await bundler.build();
    expect((await bundler.build()).hash).toBe(first.hash);
    write("worker.ts", `export const handler = () => 2;`);
    expect((await bundler.build()).hash).not.toBe(first.hash);
  });

  it("names the place of an error and builds again once it is gone", async () => {
    const { bundler, write } = setup({ "worker.ts": `import "./missing.js"; export const handler = 1;` });
    await expect(bundler.build()).rejects.toMatchObject({
      code: "ENTRY_NOT_BUILT",
      message: expect.stringMatching(/Could not resolve "\.\/missing\.js"[\s\S]*worker\.ts:1:7/),
    });
    write("missing.ts", "");
    await expect(bundler.build()).resolves.toMatchObject({ hash: expect.any(String) });
  });

  it("keeps a handful of earlier builds and no more", async () => {
    const { bundler, write, directory } = setup({ "worker.ts": "" });
    for (let version = 0; version < 9; version += 1) {
      write("worker.ts", `export const handler = ${version};`);
      await bundler.build();
    }
    expect(readdirSync(join(directory, "build")).length).toBe(6);
  });
});

describe("FileWatch", () => {
  it("notices a save of a followed file, written or replaced, and of any file when told so", async () => {
    const { directory, write } = setup({ "worker.ts": "1", "beside.ts": "1" });
    let noticed: () => void = () => undefined;
    const saved = (): Promise<void> => new Promise((resolve) => (noticed = resolve));
    const watch = new FileWatch(realClock, () => noticed());
    closers.push(() => watch.close());
    watch.follow(new Set([join(directory, "worker.ts")]), false);
    const first = saved();
    write("worker.ts", "2");
    await first;
    watch.follow(new Set([join(directory, "worker.ts")]), true);
    const second = saved();
    write("beside.ts", "2");
    await second;
  });
});
