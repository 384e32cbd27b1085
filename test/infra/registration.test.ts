/**
 * Goal: CloudFormation's requests for an app bring registry and crons in line, always get an answer that fits, say what a
 * developer must know, and can be repeated and rolled back.
 * Method: the requests as CloudFormation sends them, to the deployment's handler in a running world; the worker's answer is
 * given by the test.
 */
import { ListSchedulesCommand } from "@aws-sdk/client-scheduler";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../local/aws/seeded-random.js";
import { VirtualClock } from "../../local/aws/virtual-clock.js";
import { inProcessClients } from "../../local/aws/in-process.js";
import { World } from "../../local/world/world.js";
import { handleDeployment, type DeploymentAnswer, type DeploymentRequest } from "../../runtime/registry/deployment.js";
import { RegistryReader } from "../../runtime/registry/registry.js";
import { Perdure } from "../../sdk/client.js";
import type { FunctionConfig } from "../../sdk/protocol.js";

const QUEUE = "http://sqs.us-east-1.localhost/000000000000/perdure-steps";

function config(id: string, triggers: FunctionConfig["triggers"] = [{ event: "shop/x" }]): FunctionConfig {
  return { id, name: id, triggers, retries: 4 };
}

const manifest = (...functions: FunctionConfig[]) => ({ appId: "shop", sdkVersion: "0.1.0", functions });

const other = new Perdure({ id: "other" });

async function start() {
  const clock = new VirtualClock({ startMs: Date.UTC(2026, 2, 2, 9) });
  const world = await World.start({
    clock,
    random: seededRandom(1),
    client: other,
    functions: [other.createFunction({ id: "other" }, { event: "other/x" }, () => null)],
    sweeper: false,
  });
  await clock.settle();
  const services = world.services("register");
  const answers: DeploymentAnswer[] = [];
  let failing = 0;
  /** Answers what CloudFormation was told. */
  const ask = async (
    RequestType: DeploymentRequest["RequestType"],
    worker: unknown,
    more: { queue?: string; LogicalResourceId?: string } = {},
  ): Promise<DeploymentAnswer> => {
    const request: DeploymentRequest = {
      RequestType,
      ResponseURL: "https://cloudformation/answer",
      StackId: "stack",
      RequestId: `request-${answers.length}`,
      LogicalResourceId: more.LogicalResourceId ?? "Registration",
      ResourceProperties: { App: "shop", Worker: "arn:worker", StepQueueUrl: more.queue ?? QUEUE },
    };
    const done = handleDeployment(
      {
        services,
        describe: async () => {
          if (worker instanceof Error) throw worker;
          return worker;
        },
        respond: async (url, body) => {
          expect(url).toBe("https://cloudformation/answer");
          expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4_096);
          if (failing > 0) {
            failing -= 1;
            throw new Error("socket hang up");
          }
          answers.push(JSON.parse(body) as DeploymentAnswer);
        },
      },
      request,
    );
    await clock.advance(10_000);
    await done;
    const answer = answers.at(-1);
    if (!answer) throw new Error("CloudFormation got no answer");
    return answer;
  };
  const registered = async (): Promise<string[]> => {
    const { apps } = await new RegistryReader(services).current();
    return [...(apps.get("shop")?.functions ?? [])].map((one) => one.config.id).sort();
  };
  const crons = async (): Promise<number> => {
    const { scheduler } = inProcessClients(world.aws, { name: "observer" });
    const list = await scheduler.send(new ListSchedulesCommand({ GroupName: services.settings.scheduleGroup }));
    return (list.Schedules ?? []).length;
  };
  return { ask, registered, crons, failAnswers: (count: number) => (failing = count) };
}

describe("Custom::PerdureApp", () => {
  it("registers what the worker answers, and says how much", async () => {
    const { ask, registered, crons } = await start();
    const answer = await ask("Create", manifest(config("a"), config("b", [{ cron: "0 9 * * 1" }])));
    expect(answer).toMatchObject({
      Status: "SUCCESS",
      PhysicalResourceId: "perdure-app-shop",
      StackId: "stack",
      RequestId: "request-0",
      LogicalResourceId: "Registration",
      Data: { Functions: 2, Schedules: 1 },
    });
    expect([await registered(), await crons()]).toEqual([["a", "b"], 1]);
  });

  it("an update adds, changes and removes, under the same physical id; repeated, it changes nothing", async () => {
    const { ask, registered, crons } = await start();
    await ask("Create", manifest(config("a", [{ cron: "0 9 * * 1" }]), config("b")));
    const update = manifest(config("b", [{ cron: "30 6 * * *" }]), config("c"));
    const first = await ask("Update", update);
    const second = await ask("Update", update);
    expect(first.PhysicalResourceId).toBe("perdure-app-shop");
    expect({ ...second, RequestId: first.RequestId }).toEqual(first);
    expect([await registered(), await crons()]).toEqual([["b", "c"], 1]);
  });

  it("a rollback to what was there before brings it back", async () => {
    const { ask, registered, crons } = await start();
    const before = manifest(config("a", [{ cron: "0 9 * * 1" }]));
    await ask("Create", before);
    await ask("Update", manifest(config("b")));
    expect([await registered(), await crons()]).toEqual([["b"], 0]);
    await ask("Update", before);
    expect([await registered(), await crons()]).toEqual([["a"], 1]);
  });

  it("a deletion removes functions and crons, twice as well as once", async () => {
    const { ask, registered, crons } = await start();
    await ask("Create", manifest(config("a", [{ cron: "0 9 * * 1" }]), config("b")));
    expect(await ask("Delete", null)).toMatchObject({ Status: "SUCCESS", PhysicalResourceId: "perdure-app-shop" });
    expect([await registered(), await crons()]).toEqual([[], 0]);
    expect(await ask("Delete", null)).toMatchObject({ Status: "SUCCESS" });
  });

  it("the deletion of an app that was meanwhile deployed elsewhere leaves the new one alone", async () => {
    const { ask, registered, crons } = await start();
    await ask("Create", manifest(config("a", [{ cron: "0 9 * * 1" }])));
    await ask("Create", manifest(config("a", [{ cron: "0 9 * * 1" }])), { queue: `${QUEUE}-new` });
    await ask("Delete", null, { queue: QUEUE });
    expect([await registered(), await crons()]).toEqual([["a"], 1]);
  });

  it("a bad configuration fails with every mistake named, and what was registered stays", async () => {
    const { ask, registered } = await start();
    await ask("Create", manifest(config("a")));
    const bad = manifest(config("twice"), config("twice"), config("bad-cron", [{ cron: "61 * * * *" }]));
    const answer = await ask("Update", bad);
    expect(answer.Status).toBe("FAILED");
    expect(answer.Reason).toContain('Cannot register app "shop": 2 of its settings are not usable');
    expect(answer.Reason).toContain('function "twice": the id is used twice; expected each once');
    expect(answer.Reason).toContain('function "bad-cron"');
    expect(await registered()).toEqual(["a"]);
  });

  it("a thousand mistakes fit into an answer", async () => {
    const { ask } = await start();
    const answer = await ask("Create", manifest(...Array.from({ length: 1_000 }, (_, n) => config(`Bad"${n}\n`))));
    expect(answer.Status).toBe("FAILED");
    expect(answer.Reason).toContain("Cannot register app");
    expect(answer.Reason.endsWith(" …")).toBe(true);
  });

  it.each([
    [{ hello: 1 }, "its worker answered"],
    [null, "its worker answered"],
    [{ appId: "shoop", functions: [] }, 'its worker\'s client has the id "shoop"'],
    [new Error("Cannot find package 'x'"), "Cannot find package 'x'"],
  ])("a worker that answers %j fails the deployment", async (worker, reason) => {
    const { ask, registered } = await start();
    const answer = await ask("Create", worker);
    expect(answer.Status).toBe("FAILED");
    expect(answer.Reason).toContain(reason);
    expect(await registered()).toEqual([]);
  });

  it("an answer that did not get through is given again", async () => {
    const { ask, registered, failAnswers } = await start();
    failAnswers(3);
    expect(await ask("Create", manifest(config("a")))).toMatchObject({ Status: "SUCCESS" });
    expect(await registered()).toEqual(["a"]);
  });
});
