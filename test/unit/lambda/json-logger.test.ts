/**
 * Goal: whatever a line of the platform is about, it is one line of JSON that no terminal and no log viewer obeys.
 * Method: hostile text in every part of a line; the line is parsed again, and compared with what went in.
 */
import { describe, expect, it } from "vitest";
import { shown } from "../../../sdk/error-catalogue.js";
import { logLine } from "../../../runtime/lambda/json-logger.js";

const HOSTILE = '\n{"level":"error","message":"forged"}\r\u001b[31m\u009b2J\u0085\u2028\u2029\u202e\u2066\u0000';
const OBEYED = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

describe("logLine()", () => {
  it("is one line of JSON with nothing in it to be obeyed, and loses nothing", () => {
    const error = Object.assign(new Error(HOSTILE, { cause: new TypeError(HOSTILE) }), { code: HOSTILE });
    const line = logLine("warn", "2026-03-02T09:00:00.000Z", [HOSTILE, { step: HOSTILE }, error]);
    expect(line).not.toMatch(OBEYED);
    expect(JSON.parse(line)).toMatchObject({
      level: "warn",
      message: HOSTILE,
      step: HOSTILE,
      error: { message: HOSTILE, code: HOSTILE, cause: { name: "TypeError", message: HOSTILE } },
    });
  });
});

describe("shown()", () => {
  it("shows what would be obeyed, and cuts between characters", () => {
    expect(shown(HOSTILE)).not.toMatch(OBEYED);
    expect(shown("\u009b31m")).toBe('"\\u009b31m"');
    expect(shown({ name: "\u202ecod.exe" })).toBe('{"name":"\\u202ecod.exe"}');
    const cut = shown(`${"a".repeat(118)}\u{1f600}b`);
    expect(cut).toBe(`"${"a".repeat(118)}…`);
  });
});
