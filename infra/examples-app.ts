/** Owns: the CDK app that deploys this repository's examples: one stack, one platform, one app. */
import { App, Stack, Validations, type AppProps } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { PerdurePlatform } from "perdure/cdk";

export const STACK_NAME = "PerdureExamples";

export function examplesApp(props: AppProps = {}): { app: App; stack: Stack; platform: PerdurePlatform } {
  const app = new App(props);
  // Beside CloudFormation's own rules (cdk.json): a finding nobody has given a reason for fails the synthesis.
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  // No account and no region: the same template for every one of them, synthesized without asking anybody.
  const stack = new Stack(app, STACK_NAME, { description: "Perdure with its example app" });
  const platform = new PerdurePlatform(stack, "Perdure");
  platform.addApp("examples", { entry: "examples/worker.ts" });
  return { app, stack, platform };
}
