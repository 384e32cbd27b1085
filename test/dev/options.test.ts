/**
 * Goal: every flag, every environment variable and every mistake on the command line of `perdure dev` is understood.
 * Method: the reader as a pure function.
 */
import { describe, expect, it } from "vitest";
import { readDevOptions } from "../../local/dev/options.js";

const DEFAULTS = {
  entry: undefined,
  port: 8288,
  dataDirectory: ".perdure",
  fresh: false,
  eventKey: "dev",
  signingKey: "dev",
};

describe("readDevOptions()", () => {
  it("has a default for everything", () => {
    expect(readDevOptions([], {})).toEqual(DEFAULTS);
  });

  it("takes every flag, with a space or an equals sign", () => {
    const args = ["--entry", "a.ts", "--port=9000", "--data", "d", "--fresh", "--event-key", "e1", "--signing-key=s_1"];
    expect(readDevOptions(args, {})).toEqual({
      entry: "a.ts",
      port: 9000,
      dataDirectory: "d",
      fresh: true,
      eventKey: "e1",
      signingKey: "s_1",
    });
  });

  it("takes every environment variable, and a flag before it", () => {
    const environment = {
      PERDURE_ENTRY: "env.ts",
      PERDURE_PORT: "1234",
      PERDURE_DATA: "env-data",
      PERDURE_FRESH: "1",
      PERDURE_EVENT_KEY: "ek",
      PERDURE_SIGNING_KEY: "sk",
    };
    expect(readDevOptions([], environment)).toEqual({
      entry: "env.ts",
      port: 1234,
      dataDirectory: "env-data",
      fresh: true,
      eventKey: "ek",
      signingKey: "sk",
    });
    expect(readDevOptions(["--port", "1"], environment)).toMatchObject({ port: 1 });
  });

  it("takes an empty variable for one that is not set", () => {
    expect(readDevOptions([], { PERDURE_PORT: "", PERDURE_FRESH: "", PERDURE_ENTRY: "" })).toEqual(DEFAULTS);
  });

  it("answers help before anything else is judged", () => {
    expect(readDevOptions(["--help", "--port", "x"], {})).toBe("help");
    expect(readDevOptions(["-h"], {})).toBe("help");
  });

  it("refuses what it does not know or cannot use, naming it", () => {
    const refused: [string[], Record<string, string>, string][] = [
      [["--prot", "1"], {}, "--prot"],
      [["worker.ts"], {}, "worker.ts"],
      [["--port"], {}, "--port"],
      [["--port", "eighty"], {}, "eighty"],
      [["--port", "65536"], {}, "65536"],
      [["--port", "-1"], {}, "--port"],
      [["--entry", ""], {}, "--entry"],
      [["--data", ""], {}, "--data"],
      [["--event-key", "a,b"], {}, "--event-key"],
      [[], { PERDURE_FRESH: "maybe" }, "PERDURE_FRESH"],
    ];
    for (const [args, environment, named] of refused) {
      expect(() => readDevOptions(args, environment)).toThrow(
        expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining(named) }),
      );
    }
  });

  it("never repeats a key in an error", () => {
    const read = (): unknown => readDevOptions(["--signing-key", "very secret!"], {});
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining("secret") }));
  });
});
