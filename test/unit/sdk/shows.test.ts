/**
 * Goal: remembered results come in the order of the log, however they are asked for and whatever is given up.
 * Method: operations as `Operations` makes them, asked for in every kind of disorder; places are letters.
 */
import { expect, it } from "vitest";
import { readHistory } from "../../../sdk/host/history.js";
import { Operations, type Operation } from "../../../sdk/host/operations.js";
import { Shows } from "../../../sdk/host/shows.js";

function setup(order: string): { shows: Shows; ask(ids: string): boolean[]; take(): string } {
  const operations = new Operations(readHistory([]));
  const shows = new Shows([...order].map((id) => `0:${id}`));
  const request = (id: string): Operation => operations.request(id, { kind: "run", body: null, wait: null }).operation;
  const take = (): string => {
    let taken = "";
    for (let next = shows.takeNext(); next; next = shows.takeNext()) taken += next.name.id;
    return taken;
  };
  return { shows, ask: (ids) => [...ids].map((id) => shows.ask(request(id))), take };
}

it("gives what was asked for in the order of the log", () => {
  const { shows, ask, take } = setup("abc");
  expect(ask("cba")).toEqual([true, true, true]);
  expect(take()).toBe("abc");
  expect(shows.isOver).toBe(true);
});

it("gives nothing while an earlier result has not been asked for", () => {
  const { shows, ask, take } = setup("abc");
  ask("bc");
  expect(take()).toBe("");
  ask("a");
  expect(take()).toBe("abc");
  expect(shows.isOver).toBe(true);
});

it("knows nothing of what is not in the log", () => {
  const { shows, ask, take } = setup("a");
  expect(ask("x")).toEqual([false]);
  expect(take()).toBe("");
  expect(shows.isOver).toBe(false);
});

it("given up, the earlier ones are skipped, and come before all others when they are asked for late", () => {
  const { shows, ask, take } = setup("abcd");
  ask("c");
  shows.giveUp();
  expect(take()).toBe("c");
  expect(shows.isOver).toBe(false);
  ask("dba");
  expect(take()).toBe("abd");
  expect(shows.isOver).toBe(true);
});

it("given up with nothing asked for, it is over, and what is asked for late still comes in order", () => {
  const { shows, ask, take } = setup("abc");
  shows.giveUp();
  expect(shows.isOver).toBe(true);
  ask("cb");
  expect(take()).toBe("bc");
});

it("a result that is dropped is not waited for", () => {
  const { shows, ask, take } = setup("abc");
  shows.drop("0:a");
  shows.drop("0:x");
  ask("cb");
  expect(take()).toBe("bc");
  expect(shows.isOver).toBe(true);
});

it("code that does not ask again and again is given less time each time, until it asks late after all", () => {
  const { shows, ask, take } = setup("abcdef");
  ask("b");
  expect(shows.patience).toBe(1);
  shows.giveUp();
  expect(take()).toBe("b");
  ask("d");
  expect(shows.patience).toBeCloseTo(0.8);
  shows.giveUp();
  expect(take()).toBe("d");
  expect(shows.patience).toBeCloseTo(0.64);
  ask("a");
  expect(shows.patience).toBe(1);
});

it("what an id is used for a second time is not waited for where its first use was given up", () => {
  const operations = new Operations(readHistory([]));
  const ask = (shows: Shows, id: string): boolean =>
    shows.ask(operations.request(id, { kind: "run", body: null, wait: null }).operation);
  const shows = new Shows(["0:charge", "0:log:x", "1:charge", "1:log:x", "2:charge", "2:log:x"]);
  ask(shows, "charge");
  expect(shows.takeNext()?.key).toBe("0:charge");
  ask(shows, "charge");
  expect(shows.patience).toBe(1);
  shows.giveUp();
  expect(shows.takeNext()?.key).toBe("1:charge");
  ask(shows, "charge");
  expect(shows.patience).toBe(0);
  shows.giveUp();
  expect(shows.takeNext()?.key).toBe("2:charge");
  expect(shows.patience).toBe(0);
  ask(shows, "log:x");
  expect(shows.patience).toBe(1);
});

it("what was dropped was not given up: the next use of its id is waited for", () => {
  const operations = new Operations(readHistory([]));
  const shows = new Shows(["0:a", "0:race", "0:b", "1:race", "0:c"]);
  shows.drop("0:race");
  shows.ask(operations.request("b", { kind: "run", body: null, wait: null }).operation);
  shows.giveUp();
  expect(shows.takeNext()?.key).toBe("0:b");
  expect(shows.patience).toBeCloseTo(0.8);
});
