/**
 * Goal: the house rules that a machine can check are kept (CONTRIBUTING.md), so that reviews are about the rest.
 * Method: every source file is read as text; comments, and text in quotes, are taken out where they could be mistaken for
 * code. A rule names the files that may break it, each with its reason. A ratchet may be lowered, never raised.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const ROOMS = ["sdk", "runtime", "infra", "local", "examples", "bench", "scripts", "test"] as const;

interface Source {
  file: string;
  text: string;
  /** Without comments. */
  code: string;
}

/** This file spells what it forbids. */
const SELF = "test/tidy/tidy.test.ts";

const sources: Source[] = ROOMS.flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" })
    .map((name) => `${room}/${name.replaceAll("\\", "/")}`)
    .filter((file) => /\.(m?ts|mjs)$/.test(file) && file !== SELF)
    .map((file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      return { file, text, code: withoutComments(text) };
    }),
);

/** Comments that begin a line or follow a blank; what looks like one inside a literal stays, which harms no rule here. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/(^|\s)\/\/ .*$/gm, "$1");
}

/** Without what stands in double quotes. */
const withoutText = (code: string): string => code.replace(/"(?:[^"\\\n]|\\.)*"/g, '""');

const inRooms = (...rooms: string[]): Source[] =>
  sources.filter(({ file }) => rooms.includes(file.split("/")[0] ?? ""));

/** "file:line" for every line of the code that matches, outside the files that may. */
function places(among: readonly Source[], pattern: RegExp, allowed: readonly string[] = []): string[] {
  return among
    .filter(({ file }) => !allowed.includes(file))
    .flatMap(({ file, code }) =>
      code.split("\n").flatMap((line) => (pattern.test(withoutText(line)) ? [`${file}: ${line.trim()}`] : [])),
    );
}

describe("types", () => {
  it("no any", () => {
    // ": any" behind a question mark is a value of that name, not a type.
    expect(places(sources, /(?<!\?.*)(?::|\bas|<|\|) any\b|<any\b|\bany\[\]/)).toEqual([]);
  });

  it("no non-null assertion", () => {
    expect(places(sources, /[\w)\]]!(?=[.;,)\]}[]|$)/)).toEqual([]);
  });

  it("nothing is hidden from the compiler; what must not compile says so in a type test", () => {
    const hidden = sources.filter(({ text }) => /@ts-(ignore|nocheck)/.test(text));
    const expected = sources.filter(({ file, text }) => /@ts-expect-error/.test(text) && !file.startsWith("test/"));
    expect([...hidden, ...expected].map(({ file }) => file)).toEqual([]);
  });
});

describe("size", () => {
  it("files have at most 500 lines", () => {
    const long = sources.flatMap(({ file, text }) => {
      const lines = text.split("\n").length - 1;
      return lines > 500 ? [`${file}: ${lines}`] : [];
    });
    expect(long).toEqual([]);
  });

  it("functions have at most 70 lines", () => {
    const long = inRooms("sdk", "runtime", "infra", "local", "examples", "bench", "scripts").flatMap(functionsOf);
    expect(long.filter(({ lines }) => lines > 70)).toEqual([]);
  });

  it("Lambda entry points have at most 30 lines", () => {
    const entries = ["api", "dead-letter", "dispatch", "ingest", "register", "sweep"];
    const found = sources.filter(({ file }) => entries.some((name) => file === `runtime/lambda/${name}.ts`));
    expect(found.length).toBe(entries.length);
    expect(found.filter(({ text }) => text.split("\n").length > 31).map(({ file }) => file)).toEqual([]);
  });
});

/** Functions by their indentation, as the formatter leaves them: from the line that opens one to the brace that closes it. */
function functionsOf({ file, text }: Source): { at: string; lines: number }[] {
  const lines = text.split("\n");
  const indent = (line: string): number => line.length - line.trimStart().length;
  return lines.flatMap((line, index) => {
    const opens = /(=>|\)|\): .*) \{$/.test(line) && !/^\s*(\} )?(if|for|while|switch|else|catch)\b/.test(line);
    if (!opens) return [];
    const length = lines.slice(index + 1).findIndex((later) => indent(later) <= indent(line) && /^\s*\}/.test(later));
    return length < 0 ? [] : [{ at: `${file}:${index + 1}`, lines: length + 2 }];
  });
}

describe("time, chance and environment", () => {
  it("come through Clock and Random", () => {
    const allowed = [
      // The doors themselves.
      "sdk/clock.ts",
      // The time of a log line, which decides nothing.
      "runtime/lambda/json-logger.ts",
      // Plays the outside world.
      "examples/outside-world.ts",
      // One clock for two processes, which share none of ours.
      "bench/wire.ts",
      "bench/wire-functions.ts",
    ];
    const pattern = /\bDate\.now\b|\bMath\.random\b|\bset(Timeout|Interval)\b|\bperformance\.now\b|new Date\(\)/;
    expect(places(inRooms("sdk", "runtime", "infra", "local", "examples", "bench"), pattern, allowed)).toEqual([]);
  });

  it("tests do not sleep", () => {
    const allowed = [
      // The code of a user who blocks a worker for real; it runs in a process of its own.
      "test/dev/dev-server.test.ts",
      // Real work that a virtual clock must wait for.
      "test/unit/aws/virtual-clock.test.ts",
      // Real processes, struck in real time: the app whose steps last, and the seed of a campaign that was given none.
      "test/processes/app.ts",
      "test/processes/main.mjs",
    ];
    expect(places(inRooms("test"), /\bDate\.now\b|\bMath\.random\b|\bset(Timeout|Interval)\b/, allowed)).toEqual([]);
  });

  it("the environment is read where settings enter", () => {
    const allowed = ["sdk/client.ts", "runtime/lambda/wiring.ts", "local/cli.ts"];
    expect(places(inRooms("sdk", "runtime", "infra", "local", "examples"), /process\??\.env\b/, allowed)).toEqual([]);
  });
});

describe("imports", () => {
  interface Import {
    from: string;
    to: string;
    isType: boolean;
  }
  const imports: Import[] = sources.flatMap(({ file, code }) =>
    [...code.matchAll(/^(?:import|export)( type)?[^"';]*?from "([^"]+)"|import\("([^"]+)"\)/gm)].map(
      ([, type, fixed, lazy]) => {
        const target = fixed ?? lazy ?? "";
        const to = target.startsWith(".") ? normalize(join(dirname(file), target)).replaceAll("\\", "/") : target;
        return { from: file, to, isType: type !== undefined };
      },
    ),
  );
  const wrong = (room: string, allowed: RegExp): string[] =>
    imports
      .filter(({ from, to }) => from.startsWith(room) && !allowed.test(to))
      .map(({ from, to }) => `${from} → ${to}`);

  it("are found", () => {
    expect(imports.length).toBeGreaterThan(500);
  });

  it("flow one way: sdk ← runtime ← infra, local", () => {
    expect(wrong("sdk/", /^(sdk\/|node:)/)).toEqual([]);
    expect(
      wrong("runtime/", /^(sdk\/|runtime\/|node:|@aws-sdk\/|@aws-lambda-powertools\/metrics$|@marcbachmann\/cel-js$)/),
    ).toEqual([]);
    expect(wrong("local/", /^(sdk\/|runtime\/|local\/|node:|@aws-sdk\/|esbuild$)/)).toEqual([]);
    expect(
      wrong(
        "infra/",
        /^(sdk\/|runtime\/|infra\/|node:|aws-cdk-lib(\/aws-[a-z0-9-]+)?$|constructs$|cdk-nag$|esbuild$|perdure\/cdk$)/,
      ),
    ).toEqual([]);
    expect(wrong("examples/", /^(examples\/|perdure(\/lambda)?$)/)).toEqual([]);
  });

  it("leave runtime/core pure: itself, hashes, and types of the protocol", () => {
    const core = imports.filter(({ from }) => from.startsWith("runtime/core/"));
    const impure = core.filter(({ to, isType }) => {
      const isOwn = to.startsWith("runtime/core/") || to === "node:crypto";
      return !isOwn && !(isType && /^sdk\/(protocol|errors)\.js$/.test(to));
    });
    expect(impure).toEqual([]);
    const randomness = inRooms("runtime").filter(({ file }) => file.startsWith("runtime/core/"));
    expect(places(randomness, /\b(randomBytes|randomUUID|getRandomValues|process)\b/)).toEqual([]);
  });

  it("leave the executor without handlers: it knows functions by FunctionHost alone, and how to read a log", () => {
    expect(
      wrong(
        "runtime/executor/",
        /^(sdk\/(clock|error-catalogue|errors|protocol|host\/history)\.js$|runtime\/|node:|@aws-sdk\/)/,
      ),
    ).toEqual([]);
  });
});

describe("rooms", () => {
  it("are stages and concepts, never kinds of thing", () => {
    // test/types holds the tests of types.
    const kinds = sources.filter(({ file }) => /\/(utils?|helpers?|types|common|misc)\//.test(file));
    expect(kinds.filter(({ file }) => !file.startsWith("test/types/")).map(({ file }) => file)).toEqual([]);
  });

  it("keep keys and conditions each in their one file", () => {
    const runtime = inRooms("runtime");
    const keyed = runtime.filter(({ code }) =>
      /`[^`]*#(RUN|LOG|IN|FN)#|"(RUN|LOG|EVENT|APP|DEDUP|REGISTRY)#/.test(code),
    );
    expect(keyed.map(({ file }) => file)).toEqual(["runtime/state/keys.ts"]);
    expect(
      runtime.filter(({ code }) => /(?<!Key)ConditionExpression: ?["'`]/.test(code)).map(({ file }) => file),
    ).toEqual([]);
  });

  it("open each file with what it owns", () => {
    const silent = inRooms("sdk", "runtime", "infra", "local", "bench").filter(
      ({ text }) => !text.replace(/^#!.*\n/, "").startsWith("/**"),
    );
    expect(silent.map(({ file }) => file)).toEqual([]);
  });

  it("leave nothing for later", () => {
    const pattern = /\b(TODO|FIXME|XXX)\b|\b(it|describe)\.(only|todo)\(/;
    const found = sources.filter(({ text }) => pattern.test(text));
    expect(found.map(({ file }) => file)).toEqual([]);
  });
});
