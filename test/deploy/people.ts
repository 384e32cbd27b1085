/**
 * Owns: how the deploy tests speak with a deployed stack: as a sender of events, as a user of the API, and as an operator who
 * sees queues, schedules and secrets.
 */
import { ListSchedulesCommand } from "@aws-sdk/client-scheduler";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import type { DeployedStack } from "../../local/deploy/deployment.js";
import { until } from "./stage.js";

const OBSERVER = { name: "observer" };

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

interface RunRow {
  id: string;
  functionId: string;
  status: string;
  output: unknown;
}

export class People {
  readonly #stack: DeployedStack;

  constructor(stack: DeployedStack) {
    this.#stack = stack;
  }

  /** The secret's keys: `{ current, previous }`. */
  async keys(secret: "EventKeys" | "SigningKeys"): Promise<{ current: string; previous: string }> {
    const SecretId = this.secretId(secret);
    const answer = await this.#stack.world.aws.call("secretsmanager", "GetSecretValue", { SecretId }, OBSERVER);
    return JSON.parse(String(answer["SecretString"]));
  }

  async putKeys(secret: "EventKeys" | "SigningKeys", keys: { current: string; previous: string }): Promise<void> {
    const input = { SecretId: this.secretId(secret), SecretString: JSON.stringify(keys) };
    await this.#stack.world.aws.call("secretsmanager", "PutSecretValue", input, OBSERVER);
  }

  secretId(part: string): string {
    return this.#stack.physicalId(this.#stack.logicalId("AWS::SecretsManager::Secret", new RegExp(part)));
  }

  /** The physical name of the function whose logical id contains `part`. */
  functionName(part: string): string {
    return this.#stack.physicalId(this.#stack.logicalId("AWS::Lambda::Function", new RegExp(part)));
  }

  roleName(part: string): string {
    return this.#stack.physicalId(this.#stack.logicalId("AWS::IAM::Role", new RegExp(part)));
  }

  /** Posts events with the key; by default the current one. */
  async post(events: unknown, key?: string): Promise<Answer> {
    const eventKey = key ?? (await this.keys("EventKeys")).current;
    return this.#request("POST", `/e/${eventKey}`, {}, JSON.stringify(events));
  }

  /** Sends one event; answers its id. */
  async send(name: string, data: object = {}): Promise<string> {
    const { status, body } = await this.post({ name, data });
    const [id] = Array.isArray(body["ids"]) ? body["ids"] : [];
    if (status !== 200 || typeof id !== "string") throw new Error(`Refused: ${status} ${JSON.stringify(body)}`);
    return id;
  }

  async api(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Answer> {
    const { current } = await this.keys("SigningKeys");
    return this.#request(method, path, { authorization: `Bearer ${current}` }, body && JSON.stringify(body));
  }

  /** Sends a signal, as whoever holds the event key. */
  async signal(signal: { signal: string; data: unknown }): Promise<Answer> {
    const { current } = await this.keys("EventKeys");
    return this.#request("POST", "/api/v1/signals", { authorization: `Bearer ${current}` }, JSON.stringify(signal));
  }

  /** The runs an event started, once there are as many as expected and all have this status. */
  runsOf(eventId: string, status: string, count = 1): Promise<RunRow[]> {
    return until(`${count} ${status} run of event ${eventId}`, async () => {
      const { body } = await this.api("GET", `/api/v1/events/${eventId}/runs`);
      // The API's own shape (docs/api.md).
      const rows = (body["data"] ?? []) as RunRow[];
      return rows.length === count && rows.every((row) => row.status === status) ? rows : undefined;
    });
  }

  async runOf(eventId: string, status: string): Promise<RunRow> {
    const [run] = await this.runsOf(eventId, status);
    if (run === undefined) throw new Error(`Event ${eventId} started no run`);
    return run;
  }

  async functionIds(): Promise<string[]> {
    const { body } = await this.api("GET", "/api/v1/functions");
    return ((body["data"] ?? []) as { id: string }[]).map(({ id }) => id).sort();
  }

  /** Names of the platform's schedules. */
  async schedules(): Promise<string[]> {
    const { Schedules = [] } = await this.#stack
      .observer()
      .scheduler.send(new ListSchedulesCommand({ GroupName: this.scheduleGroup() }));
    return Schedules.map(({ Name = "" }) => Name);
  }

  scheduleGroup(): string {
    return this.#stack.physicalId(this.#stack.logicalId("AWS::Scheduler::ScheduleGroup", /Schedules/));
  }

  /** The URL of the queue whose logical id contains `part` and whose dead letters are, or are not, meant. */
  queueUrl(part: "Events" | "Steps", dead: boolean): string {
    const suffix = new RegExp(`${part}${dead ? "Dead" : ""}[0-9A-F]{8}$`);
    return this.#stack.physicalId(this.#stack.logicalId("AWS::SQS::Queue", suffix));
  }

  async putMessage(queueUrl: string, body: string): Promise<void> {
    await this.#stack.observer().sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
  }

  async #request(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
    const response = await fetch(`${this.#stack.url}${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text === "" ? "{}" : text) };
  }
}
