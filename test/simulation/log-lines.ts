/** Owns: every line the platform logs, as text, errors with their stacks: what an operator's log store would hold. */
import type { Logger } from "../../sdk/logger.js";
import type { Marker } from "./markers.js";

export class LogLines {
  readonly lines: string[] = [];
  readonly logger: Logger = {
    debug: (...parts) => this.#add(parts),
    info: (...parts) => this.#add(parts),
    warn: (...parts) => this.#add(parts),
    error: (...parts) => this.#add(parts),
  };

  /** Rare things that only the log tells of. */
  markers(): Marker[] {
    return this.lines.some((line) => line.includes('"metric":"SlotsReclaimed"')) ? ["place reclaimed"] : [];
  }

  #add(parts: readonly unknown[]): void {
    // Said by the embedded Lambda of itself, messages and all: AWS keeps such things to itself.
    if (parts[0] === "The platform met a problem") return;
    this.lines.push(parts.map(textOf).join(" "));
  }
}

function textOf(part: unknown): string {
  if (part instanceof Error)
    return `${part.stack ?? part.message} ${part.cause === undefined ? "" : textOf(part.cause)}`;
  return typeof part === "string" ? part : (JSON.stringify(part) ?? "");
}
