/** What the tests of the documentation read from its pages: their files, links and tables. No assertions in here. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Every page of the repository, as a path from its root. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name.replaceAll("\\", "/")}`);
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md", ...docs.sort()];
}

export interface Link {
  page: string;
  /** As written. */
  target: string;
  /** The file it leads to, from the root; null for an address on the web. */
  file: string | null;
  anchor: string | null;
}

export function linksOf(page: string): Link[] {
  const text = withoutCode(read(page));
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return { page, target, file: null, anchor: null };
    const [path = "", anchor = null] = target.split("#");
    const file = path === "" ? page : relative(ROOT, resolve(ROOT, dirname(page), path)).replaceAll("\\", "/");
    return { page, target, file, anchor };
  });
}

/** The anchors a page's headings have, by GitHub's rule. */
export function anchorsOf(page: string): Set<string> {
  const headings = withoutCode(read(page)).matchAll(/^#{1,6} +(.+)$/gm);
  return new Set(
    [...headings].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

/** The rows of all tables of a page whose header is this one, cell by cell. */
export function rowsOf(page: string, header: readonly string[]): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of read(page).split("\n")) {
    if (!line.startsWith("|")) inside = false;
    else if (cellsOf(line).join() === header.join()) inside = true;
    else if (inside && !/^\|[\s|:-]+\|$/.test(line)) rows.push(cellsOf(line));
  }
  return rows;
}

const cellsOf = (line: string): string[] =>
  line
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "").replace(/^ {4}.*$/gm, "");
}
