/** Owns: the CDK app that deploys this repository's examples: one stack, one platform, one app. */
import { App, Stack, Tags, type AppProps } from "aws-cdk-lib";
import { PerdurePlatform } from "perdure/cdk";

export const STACK_NAME = "PerdureExamples";

export function examplesApp(props: AppProps = {}): { app: App; stack: Stack; platform: PerdurePlatform } {
  const app = new App(props);
  // No account and no region: the same template for every one of them, synthesized without asking anybody.
  const stack = new Stack(app, STACK_NAME, { description: "Perdure with its example app" });
  const platform = new PerdurePlatform(stack, "Perdure");
  platform.addApp("examples", { entry: "examples/worker.ts" });
  Tags.of(stack).add("application", "perdure");
  return { app, stack, platform };
}
