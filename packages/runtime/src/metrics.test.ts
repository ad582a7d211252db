import { expect, it } from "vitest";
import { Counter, createRegistry } from "./metrics.js";

it("gives each registry Node's metrics and those that are registered there, and no others", async () => {
  const registry = createRegistry();
  const counter = new Counter({ name: "legation_pushes_total", help: "Pushes.", registers: [registry] });
  counter.inc(2);
  const text = await registry.metrics();
  expect(text).toContain("legation_pushes_total 2");
  expect(text).toContain("process_cpu_seconds_total");
  expect(await createRegistry().metrics()).not.toContain("legation_pushes_total");
});
