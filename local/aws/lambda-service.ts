/**
 * Owns: Lambda as a service other code calls: Invoke, synchronous, by name or ARN. What functions there are, and how they run,
 * is told by whoever plays Lambda (`serve`).
 * Source: Lambda API reference, Invoke.
 * Must not: keep anything. Invocations are not state; there is nothing to log or to restore.
 */
import { AwsServiceError, NotModelledError, type Input, type Output, type ServiceModel } from "./model.js";
import { Parameters, type InputErrors } from "./input/parameters.js";

export interface FunctionOutcome {
  /** The handler's result, or its error as Lambda writes it, as JSON text. */
  payload: string;
  isError: boolean;
}

/** Runs a function to its end. Undefined: there is no such function. Rejects with AwsServiceError when it was not run. */
export type FunctionInvoker = (functionName: string, payload: string) => Promise<FunctionOutcome> | undefined;

const inputErrors: InputErrors = {
  missing: (name) => new AwsServiceError("InvalidParameterValueException", `${name} must not be empty`),
  mistyped: (name, expected) => new AwsServiceError("InvalidRequestContentException", `${name} is not ${expected}`),
};

const FUNCTION_ARN = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:([A-Za-z0-9_-]+)$/;

export class LambdaService implements ServiceModel {
  readonly service = "lambda";
  readonly logged: ReadonlySet<string> = new Set();
  #invoker: FunctionInvoker = () => undefined;

  serve(invoker: FunctionInvoker): void {
    this.#invoker = invoker;
  }

  async invoke(operation: string, input: Input): Promise<Output> {
    if (operation !== "Invoke") throw new NotModelledError(`Cannot answer lambda ${operation}: it is not modelled`);
    const parameters = new Parameters(
      "lambda Invoke",
      input,
      ["FunctionName", "InvocationType", "Payload"],
      inputErrors,
    );
    const asked = parameters.requireText("FunctionName");
    const type = parameters.text("InvocationType") ?? "RequestResponse";
    if (type !== "RequestResponse")
      throw new NotModelledError(`Cannot answer lambda Invoke: type "${type}" is not modelled`);
    const payload = parameters.bytes("Payload");
    const text = payload === undefined || payload.length === 0 ? "{}" : Buffer.from(payload).toString("utf8");
    const running = this.#invoker(FUNCTION_ARN.exec(asked)?.[1] ?? asked, text);
    if (running === undefined) {
      throw new AwsServiceError("ResourceNotFoundException", `Function not found: ${asked}`, 404);
    }
    const outcome = await running;
    return {
      StatusCode: 200,
      ExecutedVersion: "$LATEST",
      Payload: Buffer.from(outcome.payload),
      ...(outcome.isError && { FunctionError: "Unhandled" }),
    };
  }

  execute(operation: string): Output {
    throw new NotModelledError(`Cannot answer lambda ${operation}: an invocation is not one atomic change`);
  }

  snapshot(): unknown {
    return null;
  }

  restore(): void {}
}
