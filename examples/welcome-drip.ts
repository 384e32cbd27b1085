/** Three mails over eight days. While it sleeps nothing runs and nothing is paid. */
import { perdure } from "./client.js";
import { mailer } from "./outside-world.js";

export const welcomeDrip = perdure.createFunction(
  { id: "welcome-drip", triggers: { event: "app/user.signed-up" } },
  async ({ event, step }) => {
    const { email } = event.data;
    await step.run("welcome", () => mailer.send(email, "Welcome!"));
    await step.sleep("a-day", "1d");
    await step.run("first-steps", () => mailer.send(email, "Three things to try first"));
    await step.sleep("a-week", "7d");
    return step.run("how-is-it-going", () => mailer.send(email, "How is it going?"));
  },
);
