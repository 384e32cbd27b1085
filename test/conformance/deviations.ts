/**
 * Owns: tests that a known weaker emulator must fail, with the reason. An entry whose test passes fails, and so does an entry
 * without a test: the list cannot rot.
 */
import { afterAll, afterEach, beforeEach, expect } from "vitest";

/** `<innermost describe> > <it>` → why the target fails it. */
export type Deviations = Readonly<Record<string, string>>;

/** Call inside the `describe` that holds the suites. */
export function expectDeviations(deviations: Deviations): void {
  const seen = new Set<string>();
  beforeEach(({ task }) => {
    const name = `${task.suite?.name} > ${task.name}`;
    if (!Object.hasOwn(deviations, name)) return;
    seen.add(name);
    // Vitest turns the outcome around, as for `it.fails`; its types show the mark as read-only because `it.fails` sets it.
    Reflect.set(task, "fails", true);
  });
  afterEach(({ task }) => {
    if (task.fails !== true || task.result?.state === "fail") return;
    Reflect.set(task, "fails", false);
    throw new Error(`"${task.name}" passes now: remove its entry from the deviations`);
  });
  afterAll(() => {
    const stale = Object.keys(deviations).filter((name) => !seen.has(name));
    expect(stale, "entries of the deviations that name no test").toEqual([]);
  });
}
