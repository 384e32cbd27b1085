/**
 * Owns: the in-process face: the `send(command)` of AWS clients over an embedded AWS. No sockets, no serialization, no timers:
 * an answer without a fault or a wait comes in a microtask.
 * Must not: be kinder than the SDK. Errors carry the SDK's members, and an aborted call rejects as the SDK's does.
 */
import type { AwsClients, AwsCommand, Sender, SendOptions } from "../../runtime/aws/clients.js";
import type { Caller } from "./call.js";
import type { EmbeddedAws } from "./embedded-aws.js";
import { AwsServiceError, type Input, type Output, type ServiceName } from "./model.js";

const COMMAND_SUFFIX = "Command";

/** Clients of the embedded AWS for one caller: a Lambda function's sandbox, or a test. */
export function inProcessClients(aws: EmbeddedAws, caller: Caller): AwsClients {
  return {
    dynamodb: new InProcessSender(aws, "dynamodb", caller),
    sqs: new InProcessSender(aws, "sqs", caller),
    scheduler: new InProcessSender(aws, "scheduler", caller),
    s3: new InProcessSender(aws, "s3", caller),
  };
}

class InProcessSender<Configuration> implements Sender<Configuration> {
  readonly #aws: EmbeddedAws;
  readonly #service: ServiceName;
  readonly #caller: Caller;

  constructor(aws: EmbeddedAws, service: ServiceName, caller: Caller) {
    this.#aws = aws;
    this.#service = service;
    this.#caller = caller;
  }

  async send<Answer>(command: AwsCommand<Configuration, Answer>, options?: SendOptions): Promise<Answer> {
    const signal = options?.abortSignal;
    if (signal?.aborted === true) throw abortError();
    const caller = signal === undefined ? this.#caller : { ...this.#caller, signal };
    const answering = this.#aws.call(this.#service, operationOf(command), inputOf(command.input), caller);
    try {
      const output = await (signal === undefined ? answering : untilAborted(answering, signal));
      // The one place where the model's untyped output gets the type of the command's answer: a model answers a command's
      // operation in the SDK's own shape, which the conformance suites check field by field.
      return withSdkMembers(output) as Answer;
    } catch (error) {
      throw error instanceof AwsServiceError ? sdkError(error) : error;
    }
  }
}

/** `PutItemCommand` → `PutItem`. */
function operationOf(command: object): string {
  const { name } = command.constructor;
  return name.endsWith(COMMAND_SUFFIX) ? name.slice(0, -COMMAND_SUFFIX.length) : name;
}

/** The input without undefined members: the SDK's serializers drop them. */
function inputOf(input: object): Input {
  const fields = Object.entries(input);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

function withSdkMembers(output: Output): Output {
  const answer: Output = { ...output, $metadata: metadata(200) };
  const body = answer["Body"];
  if (body instanceof Uint8Array) answer["Body"] = streamLike(body);
  return answer;
}

/** What the SDK mixes into a body, as far as it makes sense for one that is here already. */
function streamLike(body: Uint8Array): object {
  return {
    transformToByteArray: () => Promise.resolve(body),
    transformToString: (encoding?: BufferEncoding) => Promise.resolve(Buffer.from(body).toString(encoding)),
  };
}

function metadata(httpStatusCode: number): object {
  return { httpStatusCode, attempts: 1, totalRetryDelay: 0 };
}

/** An error of a service as the SDK throws it. */
class ServiceException extends Error {
  readonly $fault: "client" | "server";
  readonly $metadata: object;
  readonly $response = undefined;
  constructor(error: AwsServiceError) {
    super(error.message);
    this.name = error.name;
    this.$fault = error.statusCode < 500 ? "client" : "server";
    this.$metadata = metadata(error.statusCode);
    Object.assign(this, error.members);
  }
}

function sdkError(error: AwsServiceError): Error {
  return new ServiceException(error);
}

function abortError(): Error {
  return Object.assign(new Error("Request aborted"), { name: "AbortError" });
}

/** The answer, or a rejection as soon as the signal aborts. */
function untilAborted<T>(answering: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortError());
    signal.addEventListener("abort", abort, { once: true });
    const release = (): void => signal.removeEventListener("abort", abort);
    answering.then(resolve, reject).finally(release);
  });
}
