/**
 * Goal: what strangers put into errors is shown on the developer's terminal, and does nothing to it.
 * Method: a terminal without colour that collects its lines; errors whose text would clear the screen and forge a line.
 */
import { expect, it } from "vitest";
import { tellProblem, tellRunEnd } from "../../local/dev/announcement.js";
import { openTerminal } from "../../local/dev/terminal.js";
import { InvocationError } from "../../local/lambda/invocation.js";
import { readHead, newHeadItem } from "../../runtime/state/head-item.js";

const HOSTILE = "\u001b[2J\u009b1A\r\n12:00:00  pay  completed";

function lines(tell: (terminal: ReturnType<typeof openTerminal>) => void): string {
  let written = "";
  tell(openTerminal({ isTTY: false, write: (text) => (written += text) }, {}));
  return written;
}

it("a failed run's error is shown, indented, and not obeyed", () => {
  const item = newHeadItem({
    runId: "shop_00000000000000000000000000",
    functionId: "pay",
    eventId: "01KJP000000000000000000001",
    events: null,
    createdAtMs: 0,
    notBeforeMs: null,
    dueAtMs: 0,
    ttlSeconds: 0,
  });
  const { head } = readHead({
    ...item,
    status: { S: "Failed" },
    error: { S: JSON.stringify({ name: "E", message: HOSTILE }) },
  });
  const cost = { writes: 0, reads: 0, messages: 0, invocations: 0, usd: 0, resumed: false };
  const [, ...shown] = lines((terminal) => tellRunEnd(terminal, 0, head, cost)).split("\n");
  expect(shown).toEqual(["          E: \\u001b[2J\\u009b1A\\u000d", "          12:00:00  pay  completed", ""]);
});

it("so is what a Lambda has died of", () => {
  const error = new InvocationError("throttled", "Error", HOSTILE, HOSTILE);
  const written = lines((terminal) => tellProblem(terminal, 0, { kind: "route", route: "POST /e", error }));
  expect(written).not.toMatch(/[^\P{Cc}\n]/u);
  expect(written.split("\n")[1]).toBe("          12:00:00  pay  completed");
});
