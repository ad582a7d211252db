import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "deploy/*/src/**/*.test.ts", "deploy/setup/**/*.test.mjs"],
          exclude: ["**/dist/**", "**/node_modules/**"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.ts", "test/conformance/**/*.test.ts"],
          exclude: ["**/dist/**", "**/node_modules/**"],
          // Each file starts real processes: two at once on two cores, and limits that a slow machine cannot reach.
          maxWorkers: 2,
          // Vitest refuses projects that differ in their workers and share a group; the unit tests go first.
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
