/**
 * Owns: tests that a known weaker emulator must fail, with the reason. An entry whose test passes fails, and so does an entry
 * without a test: the list cannot rot.
 */
import { afterAll, afterEach, beforeEach, expect } from "vitest";

/** `<innermost describe> > <it>` → why the target fails it. */
export type Deviations = Readonly<Record<string, string>>;

/**
 * Call inside the `describe` that holds the suites. `unsteady`: what the target does now one way, now the other, by a race of
 * its own; such a test says nothing there and is skipped with its reason.
 */
export function expectDeviations(deviations: Deviations, unsteady: Deviations = {}): void {
  const seen = new Set<string>();
  beforeEach(({ task, skip }) => {
    const name = `${task.suite?.name} > ${task.name}`;
    if (Object.hasOwn(unsteady, name)) {
      seen.add(name);
      skip(unsteady[name]);
    }
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
    const stale = [...Object.keys(deviations), ...Object.keys(unsteady)].filter((name) => !seen.has(name));
    expect(stale, "entries of the deviations that name no test").toEqual([]);
  });
}
