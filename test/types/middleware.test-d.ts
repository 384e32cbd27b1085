/**
 * Goal: what middleware adds to a handler's context is typed there, from the client and from the function, and everything else
 * of the context stays as it is.
 * Method: inferred types compared with literals; misuse marked with the error it must be. Checked by tsc
 * (types.test.ts runs it), never executed.
 */
import { expectTypeOf } from "vitest";
import {
  dependencyInjection,
  encryptionMiddleware,
  eventType,
  getContext,
  Middleware,
  Perdure,
  staticSchema,
  step as currentStep,
  type FunctionContext,
  type FunctionInputHook,
  type Logger,
  type MiddlewareClass,
  type PerdureFunction,
  type StepHandlerHook,
  type StepTools,
} from "perdure";

interface Db {
  find(id: string): Promise<{ id: string; at: Date }>;
}
declare const db: Db;
declare const mailer: { send(to: string): Promise<void> };
const orderPaid = eventType("shop/order.paid", { schema: staticSchema<{ orderId: string }>() });

// ---- From the client ----

const shop = new Perdure({ id: "shop", middleware: [dependencyInjection({ db }), dependencyInjection({ mailer })] });
export const paid = shop.createFunction({ id: "paid", triggers: orderPaid }, async (context) => {
  expectTypeOf(context.db).toEqualTypeOf<Db>();
  expectTypeOf(context.mailer).toEqualTypeOf<{ send(to: string): Promise<void> }>();
  expectTypeOf(context.event.data).toEqualTypeOf<{ orderId: string }>();
  expectTypeOf(context.logger).toEqualTypeOf<Logger>();
  // @ts-expect-error nobody has added it
  void context.cache;
  return context.step.run("find", () => context.db.find(context.event.data.orderId));
});
expectTypeOf(paid).toExtend<PerdureFunction<never, { id: string; at: string }>>();

// ---- From the function, and from both ----

shop.createFunction(
  { id: "both", triggers: orderPaid, middleware: [dependencyInjection({ cache: new Map<string, number>() })] },
  ({ db, mailer, cache, event, step }) => {
    expectTypeOf(db).toEqualTypeOf<Db>();
    expectTypeOf(mailer.send).toBeFunction();
    expectTypeOf(cache).toEqualTypeOf<Map<string, number>>();
    expectTypeOf(event.name).toEqualTypeOf<"shop/order.paid">();
    expectTypeOf(step).toEqualTypeOf<StepTools>();
  },
);

// ---- The function's counts where both add the same, and what is added counts before what was there ----

class FirstUser extends Middleware {
  readonly id = "first";
  override transformFunctionInput(): { user: string } {
    return { user: "ada" };
  }
}
class SecondUser extends Middleware {
  readonly id = "second";
  override async transformFunctionInput({ ctx }: FunctionInputHook): Promise<{ user: { name: string } | null }> {
    expectTypeOf(ctx).toEqualTypeOf<FunctionContext>();
    return { user: { name: "Ada" } };
  }
}
class OwnLogger extends Middleware {
  readonly id = "logger";
  override transformFunctionInput(): { logger: { trace(text: string): void } } {
    return { logger: { trace: () => undefined } };
  }
}
const users = new Perdure({ id: "shop", middleware: [FirstUser] });
users.createFunction({ id: "first", triggers: orderPaid }, ({ user }) => expectTypeOf(user).toEqualTypeOf<string>());
users.createFunction({ id: "second", triggers: orderPaid, middleware: [SecondUser] }, ({ user }) =>
  expectTypeOf(user).toEqualTypeOf<{ name: string } | null>(),
);
users.createFunction({ id: "logs", triggers: orderPaid, middleware: [OwnLogger] }, ({ logger, user, runId }) => {
  expectTypeOf(logger).toEqualTypeOf<{ trace(text: string): void }>();
  expectTypeOf(user).toEqualTypeOf<string>();
  expectTypeOf(runId).toEqualTypeOf<string>();
});

// ---- A handler of failures has the same ----

shop.createFunction(
  {
    id: "fails",
    triggers: orderPaid,
    middleware: [dependencyInjection({ pager: { call: (text: string) => text.length } })],
    onFailure: async ({ error, event, mailer, pager, step }) => {
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(event.data.event.data).toEqualTypeOf<{ orderId: string }>();
      expectTypeOf(mailer.send).toBeFunction();
      await step.run("call", () => pager.call(error.message));
    },
  },
  () => null,
);

// ---- Beside a list of events ----

type Events = { "shop/order.placed": { orderId: string; cents: number } };
const middleware = [dependencyInjection({ db }), FirstUser];
const both = new Perdure<Events, typeof middleware>({ id: "shop", middleware });
both.createFunction({ id: "placed", triggers: { event: "shop/order.placed" } }, async ({ event, db, user, step }) => {
  expectTypeOf(event.data).toEqualTypeOf<{ orderId: string; cents: number }>();
  expectTypeOf(db).toEqualTypeOf<Db>();
  expectTypeOf(user).toEqualTypeOf<string>();
  await step.sendEvent("again", { name: "shop/order.placed", data: { orderId: "o_1", cents: 5 } });
  // @ts-expect-error data of the wrong type
  await step.sendEvent("again", { name: "shop/order.placed", data: { orderId: 1 } });
});
// With the events alone, what the middleware adds is there, and nothing is known of it.
new Perdure<Events>({ id: "shop", middleware }).createFunction(
  { id: "untyped", triggers: { event: "shop/order.placed" } },
  (context) => {
    expectTypeOf(context.event.data.cents).toEqualTypeOf<number>();
    // @ts-expect-error the client does not know of it
    void context.db;
  },
);

// ---- What adds nothing ----

class Timing extends Middleware {
  readonly id = "timing";
  override async wrapStepHandler({ step, next }: StepHandlerHook): Promise<unknown> {
    expectTypeOf(step.id).toEqualTypeOf<string>();
    return next();
  }
}
class Sometimes extends Middleware {
  readonly id = "sometimes";
  override transformFunctionInput(): { trace: string } | void {
    return undefined;
  }
}
const plain = new Perdure({ id: "shop", middleware: [Timing, encryptionMiddleware({ key: new Uint8Array(32) })] });
plain.createFunction({ id: "plain", triggers: orderPaid }, (context) => {
  expectTypeOf(context.step).toEqualTypeOf<StepTools>();
  expectTypeOf<keyof typeof context>().toEqualTypeOf<keyof FunctionContext>();
});
plain.createFunction({ id: "sometimes", triggers: orderPaid, middleware: [Sometimes] }, ({ trace }) =>
  expectTypeOf(trace).toEqualTypeOf<string>(),
);

// ---- Misuse ----

// @ts-expect-error an instance instead of the class
new Perdure({ id: "shop", middleware: [new Timing()] });
// @ts-expect-error a class that is none
new Perdure({ id: "shop", middleware: [Map] });
// @ts-expect-error one that is given by itself
new Perdure({ id: "shop", middleware: Timing });
// @ts-expect-error a key is needed
encryptionMiddleware({});
// @ts-expect-error a number is no key
encryptionMiddleware({ key: 1 });
export abstract class Wrong extends Middleware {
  // @ts-expect-error what is added has members
  override transformFunctionInput(): number {
    return 1;
  }
}
expectTypeOf<typeof Timing>().toExtend<MiddlewareClass>();

// ---- Anywhere below a handler ----

export const notify = (userId: string): Promise<{ userId: string }> =>
  currentStep.run(`notify-${userId}`, () => ({ userId }));
expectTypeOf(getContext()).toEqualTypeOf<FunctionContext | undefined>();
