/** Owns: the middleware that hands a function what it works with. */
import { Middleware } from "./middleware.js";

/**
 * A middleware that adds members to a handler's context, typed as they are given. The members are the same objects in every
 * pass; what has to be made anew for each belongs in a middleware of your own.
 *
 * @example
 * const perdure = new Perdure({ id: "shop", middleware: [dependencyInjection({ db, mailer })] });
 * perdure.createFunction({ id: "welcome", triggers: { event: "app/user.created" } }, async ({ event, step, mailer }) =>
 *   step.run("send", () => mailer.send(String(event.data.email))),
 * );
 */
export function dependencyInjection<const Members extends object>(members: Members): DependencyInjection<Members> {
  return class extends Middleware {
    readonly id = "dependency-injection";
    override transformFunctionInput(): Members {
      return members;
    }
  };
}

/** What `dependencyInjection` returns. */
export type DependencyInjection<Members extends object> = new () => Middleware & {
  transformFunctionInput(): Members;
};
