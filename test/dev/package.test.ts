/**
 * Goal: what `npm pack` makes is a package: a function written in an empty project outside the repository type-checks against
 * its declarations and runs with its `perdure dev`, with nothing but the package's own declared dependencies beside it.
 * Method: the tarball unpacked as npm would, declared dependencies linked one by one (an undeclared one is not found), the
 * compiler in its strictest module mode with library checks on, and the command as a real process.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { build, buildTypes } from "../../scripts/build.mjs";
import { DevProcess, type Project } from "./dev-process.js";

const REPOSITORY = resolve(import.meta.dirname, "../..");

const WORKER = `
import { Perdure, eventType, staticSchema } from "perdure";
import { serve } from "perdure/lambda";
const perdure = new Perdure<{ "app/user.created": { name: string } }>({ id: "consumer" });
const renamed = eventType("app/user.renamed", { schema: staticSchema<{ to: string }>() });
const hello = perdure.createFunction(
  { id: "hello", triggers: [{ event: "app/user.created" }, renamed] },
  async ({ event, step }) => {
    const name: string = event.name === "app/user.created" ? event.data.name : event.data.to;
    const made = await step.run("make", () => ({ text: "Hello, " + name, at: new Date(), nothing: undefined }));
    const at: string = made.at;
    await step.sleep("nap", "1s");
    return { text: made.text, year: at.slice(0, 2) };
  },
);
export const handler = serve({ client: perdure, functions: [hello] });
`;

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ["node"],
  },
  include: ["src"],
};

let root: string;
let project: Project;

beforeAll(async () => {
  await build();
  buildTypes();
  root = mkdtempSync(join(tmpdir(), "perdure-pack-"));
  project = unpackInto(root);
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

function unpackInto(directory: string): Project {
  const npm = ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory];
  execFileSync("npm", npm, { cwd: REPOSITORY, stdio: ["ignore", "ignore", "inherit"] });
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8")) as { version: string };
  const modules = join(directory, "node_modules");
  mkdirSync(modules);
  execFileSync("tar", ["-xzf", join(directory, `perdure-${version}.tgz`), "-C", modules]);
  const packageDirectory = join(modules, "perdure");
  execFileSync("mv", [join(modules, "package"), packageDirectory]);
  const { dependencies } = JSON.parse(readFileSync(join(packageDirectory, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), "typescript", "@types/node"]) link(modules, name);
  const write = (name: string, content: string): void => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  };
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  write("tsconfig.json", JSON.stringify(TSCONFIG));
  write("src/worker.ts", WORKER);
  return { packageDirectory, directory, write, remove: () => undefined };
}

function link(modules: string, name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules", name), join(modules, name), "dir");
}

function typeCheck(): string {
  const tsc = join(REPOSITORY, "node_modules", "typescript", "bin", "tsc");
  try {
    execFileSync(process.execPath, [tsc, "-p", project.directory], { stdio: "pipe" });
    return "";
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout);
  }
}

it("a function written in an empty project type-checks against the published declarations", () => {
  expect(typeCheck()).toBe("");
});

it("the published declarations refuse what the function gets wrong", () => {
  project.write(
    "src/wrong.ts",
    `import { handler } from "./worker.js";\nconst wrong: number = handler;\nexport { wrong };`,
  );
  expect(typeCheck()).toContain("src/wrong.ts(2,7)");
  rmSync(join(project.directory, "src/wrong.ts"));
});

it("it runs with the package's own perdure dev", async () => {
  const server = new DevProcess(project, ["dev", "--port", "0"]);
  try {
    const [, url = ""] = await server.line(/listening +(http:\S+)/);
    await server.line(/curl/);
    const body = JSON.stringify({ name: "app/user.created", data: { name: "Ada" } });
    const { ids } = (await (await fetch(`${url}/e/dev`, { method: "POST", body })).json()) as { ids: string[] };
    await server.line(/hello .* completed/);
    const answer = await fetch(`${url}/api/v1/events/${ids[0]}/runs`, { headers: { authorization: "Bearer dev" } });
    const { data } = (await answer.json()) as { data: { output: unknown }[] };
    expect(data.map((run) => run.output)).toEqual([{ text: "Hello, Ada", year: "20" }]);
  } finally {
    server.signal("SIGKILL");
    await server.ended;
  }
});
