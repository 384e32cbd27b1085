/**
 * Owns: the embedded model of Secrets Manager: secrets with a current and a previous value, as text. A new value moves the
 * labels: what was AWSCURRENT becomes AWSPREVIOUS.
 * Source: Secrets Manager API reference, CreateSecret, GetSecretValue, PutSecretValue, DescribeSecret.
 * Must not: guess. Binary secrets, other labels, rotation by function, replicas and deletion are not modelled.
 */
import { Parameters } from "../input/parameters.js";
import { NotModelledError, type CallContext, type Input, type Output, type ServiceModel } from "../model.js";
import { inputErrors, invalidParameter, secretExists, secretNotFound, stageNotFound } from "./errors.js";

interface SecretVersion {
  id: string;
  text: string;
  createdAtMs: number;
}

interface Secret {
  name: string;
  arn: string;
  createdAtMs: number;
  /** Null: created without a value. */
  current: SecretVersion | null;
  previous: SecretVersion | null;
}

const ARN_PREFIX = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";
const NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/;
const MAX_SECRET_BYTES = 65_536;
const SUFFIX_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SUFFIX_LENGTH = 6;
const STAGES = { current: "AWSCURRENT", previous: "AWSPREVIOUS" } as const;

export class SecretsModel implements ServiceModel {
  readonly service = "secretsmanager";
  readonly logged: ReadonlySet<string> = new Set(["CreateSecret", "PutSecretValue"]);
  readonly #secrets = new Map<string, Secret>();

  execute(operation: string, input: Input, context: CallContext): Output {
    switch (operation) {
      case "CreateSecret":
        return this.#create(input, context);
      case "GetSecretValue":
        return this.#get(input);
      case "PutSecretValue":
        return this.#put(input, context);
      case "DescribeSecret":
        return this.#describe(input);
      default:
        throw new NotModelledError(`Cannot answer secretsmanager ${operation}: the operation is not modelled`);
    }
  }

  /** The full ARN of the secret with this name or ARN. */
  arnOf(id: string): string | undefined {
    return this.#find(id)?.arn;
  }

  snapshot(): unknown {
    return structuredClone([...this.#secrets.values()]);
  }

  restore(snapshot: unknown): void {
    // The owner hands back what `snapshot` gave; its form is checked by the durable log's version, not here.
    const secrets = snapshot as Secret[];
    this.#secrets.clear();
    for (const secret of secrets) this.#secrets.set(secret.name, structuredClone(secret));
  }

  #create(input: Input, context: CallContext): Output {
    const parameters = parametersOf("CreateSecret", input, ["Name", "Description", "SecretString"]);
    const name = parameters.requireText("Name");
    if (!NAME.test(name))
      throw invalidParameter(
        `Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!`,
      );
    if (this.#secrets.has(name)) throw secretExists(name);
    const arn = `${ARN_PREFIX}${name}-${suffix(context)}`;
    const secret: Secret = { name, arn, createdAtMs: context.nowMs, current: null, previous: null };
    const text = parameters.text("SecretString");
    if (text !== undefined) secret.current = versionOf(text, context);
    this.#secrets.set(name, secret);
    return { ARN: arn, Name: name, ...(secret.current !== null && { VersionId: secret.current.id }) };
  }

  #get(input: Input): Output {
    const parameters = parametersOf("GetSecretValue", input, ["SecretId", "VersionId", "VersionStage"]);
    const secret = this.#require(parameters);
    const versionId = parameters.text("VersionId");
    const stage = parameters.text("VersionStage") ?? (versionId === undefined ? STAGES.current : undefined);
    const version = [secret.current, secret.previous].find(
      (each) =>
        each !== null &&
        (versionId === undefined || each.id === versionId) &&
        (stage === undefined || stagesOf(secret, each).includes(stage)),
    );
    if (version === undefined || version === null) throw stageNotFound(stage ?? String(versionId));
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      SecretString: version.text,
      VersionStages: stagesOf(secret, version),
      CreatedDate: new Date(version.createdAtMs),
    };
  }

  #put(input: Input, context: CallContext): Output {
    const parameters = parametersOf("PutSecretValue", input, ["SecretId", "SecretString", "ClientRequestToken"]);
    const secret = this.#require(parameters);
    const text = parameters.requireText("SecretString");
    const token = parameters.text("ClientRequestToken");
    const isRepetition = token !== undefined && secret.current?.id === token && secret.current.text === text;
    if (!isRepetition) {
      secret.previous = secret.current;
      secret.current = versionOf(text, context, token);
    }
    return { ARN: secret.arn, Name: secret.name, VersionId: secret.current?.id, VersionStages: [STAGES.current] };
  }

  #describe(input: Input): Output {
    const secret = this.#require(parametersOf("DescribeSecret", input, ["SecretId"]));
    const versions = [secret.current, secret.previous].filter((each) => each !== null);
    return {
      ARN: secret.arn,
      Name: secret.name,
      CreatedDate: new Date(secret.createdAtMs),
      VersionIdsToStages: Object.fromEntries(versions.map((each) => [each.id, stagesOf(secret, each)])),
    };
  }

  #require(parameters: Parameters): Secret {
    const secret = this.#find(parameters.requireText("SecretId"));
    if (secret === undefined) throw secretNotFound();
    return secret;
  }

  #find(id: string): Secret | undefined {
    if (!id.startsWith(ARN_PREFIX)) return this.#secrets.get(id);
    return [...this.#secrets.values()].find(({ arn }) => arn === id);
  }
}

function parametersOf(operation: string, input: Input, known: readonly string[]): Parameters {
  return new Parameters(`secretsmanager ${operation}`, input, known, inputErrors);
}

function stagesOf(secret: Secret, version: SecretVersion): string[] {
  return version === secret.current ? [STAGES.current] : [STAGES.previous];
}

function versionOf(text: string, { nowMs, random }: CallContext, token?: string): SecretVersion {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0 || bytes > MAX_SECRET_BYTES) {
    throw invalidParameter(`The secret value must be between 1 and ${MAX_SECRET_BYTES} bytes long.`);
  }
  return { id: token ?? Buffer.from(random.bytes(16)).toString("hex"), text, createdAtMs: nowMs };
}

function suffix({ random }: CallContext): string {
  return Array.from(random.bytes(SUFFIX_LENGTH), (byte) =>
    SUFFIX_CHARACTERS.charAt(byte % SUFFIX_CHARACTERS.length),
  ).join("");
}
