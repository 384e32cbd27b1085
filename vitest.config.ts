import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^perdure$/, replacement: source("./sdk/index.ts") },
      { find: /^perdure\/lambda$/, replacement: source("./runtime/lambda/serve.ts") },
      { find: /^perdure\/testing$/, replacement: source("./local/testing/index.ts") },
      { find: /^perdure\/cdk$/, replacement: source("./infra/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Two cores: a third worker only adds memory and switching.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
