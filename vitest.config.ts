// Two rings: `unit` needs nothing outside the process tree and is fast; `integration` starts real Redis, S3, services and training.
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const resolve = { conditions: ["source"] };
const ssr = { resolve: { conditions: ["source", "node", "import", "default"], externalConditions: ["node"] } };

export default defineConfig({
  test: {
    reporters: ["default"],
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          sequence: { groupOrder: 0 },
          include: [
            "packages/*/src/**/*.test.ts",
            "services/*/src/**/*.test.ts",
            "infra/setup/**/*.test.ts",
            "test/architecture.test.ts",
            "test/contract/**/*.test.ts",
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Half of a file's time is waiting for processes; vitest's own choice of cores - 1 would leave a 2-core machine idle.
          maxWorkers: Math.max(2, availableParallelism() - 1),
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "integration",
          // After the unit tests: trainers of the one and workers of the other would only wait for the same cores.
          sequence: { groupOrder: 1 },
          include: ["test/{integration,chaos,e2e}/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
