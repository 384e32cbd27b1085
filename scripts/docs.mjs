/**
 * Owns: the generated page of the documentation: docs/errors.md, from the error catalogue.
 * Usage: node scripts/docs.mjs [--check]   With --check nothing is written; a page that is out of date fails.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const PAGE = join(ROOT, "docs", "errors.md");

/** The first prefix that fits names the chapter an error stands in. */
const CHAPTERS = [
  ["sdk/host/", "Inside a function", "What a function meets for what it asked of `step`, or for running too long."],
  ["sdk/", "Writing functions and sending events", "Thrown by `perdure` in your own process."],
  [
    "runtime/ingest/",
    "Sending events over HTTP",
    "Answers of `POST /e/:eventKey`. Nothing of a refused request is kept.",
  ],
  ["runtime/api/", "The API", "Answers of `/api/v1`."],
  ["runtime/", "The platform", "Found at registration, on a run, or in the platform's log."],
  ["infra/", "Deploying", "Raised while a stack is synthesized; those of a registration stand under The platform."],
  ["local/dev/", "The dev server", "Printed by `perdure dev`."],
  ["local/testing/", "Testing functions", "Thrown by `perdure/testing` in a test."],
  ["local/", "The embedded AWS", "Raised by the dev server and by tests; AWS itself never answers them."],
];

/** Messages that take their context apart need a real one; every other is shown with placeholders. */
const EXAMPLES = {
  CRON_TOO_LONG: { text: "1,3,5,… * * * *", expression: "x".repeat(312), maxCharacters: 256 },
  ENTRY_NOT_FOUND: { tried: ["src/worker.ts", "worker.ts"] },
  EXPRESSION_INVALID: { text: "event.data.total >", position: 18, is: "it ends too early", expected: "an operand" },
  EXPRESSION_TOO_COMPLEX: { text: "((((a))))", position: 3, is: "it is nested too deep", expected: "less" },
  REGISTRATION_REFUSED: { appId: "<appId>", problems: ["<problem>"] },
};
const COUNTS = { REGISTRATION_REFUSED: ["1 of its settings are", "<count> of its settings are"] };

/** Every entry of the catalogue with the file it is defined in. */
async function catalogue() {
  const files = sourceFiles().filter((file) => /defineError[<(]/.test(readFileSync(join(ROOT, file), "utf8")));
  const names = files.map((file, index) => `import * as m${index} from "./${file}";`);
  const modules = files.map((file, index) => `[${JSON.stringify(file)}, m${index}]`);
  const contents = [
    ...names,
    `export { definedErrors } from "./sdk/error-catalogue.ts";`,
    `export const modules = [${modules.join(", ")}];`,
  ].join("\n");
  const directory = join(ROOT, "node_modules", ".cache", "perdure-docs");
  mkdirSync(directory, { recursive: true });
  const outfile = join(directory, `catalogue-${process.pid}.mjs`);
  await build({
    absWorkingDir: ROOT,
    stdin: { contents, resolveDir: ROOT, sourcefile: "catalogue.ts", loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  const loaded = await import(pathToFileURL(outfile).href);
  rmSync(outfile);
  const entries = loaded.modules.flatMap(([file, module]) =>
    Object.values(module)
      .filter((value) => typeof value === "function" && typeof value.definition === "object")
      .map(({ definition }) => ({ file, definition })),
  );
  const found = new Set(entries.map(({ definition }) => definition.code));
  const hidden = [...loaded.definedErrors().keys()].filter((code) => !found.has(code));
  if (hidden.length > 0) throw new Error(`Cannot write errors.md: ${hidden.join(", ")} must be exported to be listed`);
  return entries;
}

function sourceFiles() {
  return ["sdk", "runtime", "infra", "local"].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" })
      .map((name) => `${room}/${name.replaceAll("\\", "/")}`)
      .filter((file) => file.endsWith(".ts"))
      .sort(),
  );
}

const placeholders = (make) => new Proxy({}, { get: (_, name) => make(`<${String(name)}>`) });

function messageOf({ code, message }) {
  const example = EXAMPLES[code];
  if (example) return message(example).replace(...(COUNTS[code] ?? ["", ""]));
  try {
    return message(placeholders((text) => text));
  } catch {
    // It takes a list apart. A list of one placeholder reads like the placeholder everywhere else.
    return message(placeholders((text) => [text]));
  }
}

function entryText({ file, definition }) {
  const { code, status, retryable, remedy } = definition;
  const message = messageOf(definition)
    .split("\n")
    .map((line) => `    ${line}`.trimEnd())
    .join("\n");
  return [
    `### ${code}`,
    "",
    `Status ${status}, ${retryable ? "the same may succeed later" : "will not succeed without a change"} · [${file}](../${file})`,
    "",
    message,
    "",
    // "<" would begin an HTML tag and be gone on the page.
    remedy.replaceAll("<", "\\<"),
    "",
  ].join("\n");
}

export async function errorsPage() {
  const entries = await catalogue();
  const chapterOf = ({ file }) => CHAPTERS.find(([prefix]) => file.startsWith(prefix));
  const byCode = (a, b) => (a.definition.code < b.definition.code ? -1 : 1);
  const chapters = CHAPTERS.flatMap((chapter) => {
    const own = entries.filter((entry) => chapterOf(entry) === chapter).sort(byCode);
    const [, title, about] = chapter;
    return own.length === 0 ? [] : [[`## ${title}`, "", about, "", ...own.map(entryText)].join("\n")];
  });
  return [
    "# Errors",
    "",
    "Generated from the error catalogue by `npm run docs`; a test fails when it is out of date.",
    "",
    "Every error raised on purpose has a stable code, a message of one form (what cannot be done, what is, what was expected)",
    "and one thing to do next. Over HTTP it is `{ error: { code, message, remedy } }`; in code it is a `PerdureError` with",
    "`code`, `status`, `retryable` and `remedy`. `<name>` stands for what a message fills in.",
    "",
    chapters.join("\n"),
  ].join("\n");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const page = await errorsPage();
  if (!process.argv.includes("--check")) writeFileSync(PAGE, page);
  else if (readFileSync(PAGE, "utf8") !== page) {
    console.error("docs/errors.md is out of date: run npm run docs");
    process.exitCode = 1;
  }
}
