import { loadConfig } from "@legation/runtime";
import { expect, it } from "vitest";
import { changesBetween, withoutAgentChanges } from "./change.js";
import { agentOptions } from "./options.js";

const valuesOf = (text: string) =>
  loadConfig(agentOptions, { file: { path: "service.yaml", text }, env: { SERVICE_NAME: "orders" }, argv: [] }).values;
const before = valuesOf("port: 8080");

it("names each changed option under what it takes to bring it into effect", () => {
  const after = valuesOf(
    "port: 8080\ntags: [a]\nweights: { passing: 5 }\nhealth: { interval: 1s }\nenvoy: { concurrency: 4, admin: '127.0.0.1:1' }\nenv: { A: b }\nheartbeat: 5s\n",
  );
  expect(changesBetween(before, after)).toEqual({
    now: ["tags", "weights", "health", "envoy.concurrency"],
    service: ["env"],
    agent: ["heartbeat", "envoy.admin"],
  });
  expect(changesBetween(before, valuesOf("port: 8080"))).toEqual({ now: [], service: [], agent: [] });
});

it("keeps what only a new agent can change, and takes the rest", () => {
  const merged = withoutAgentChanges(before, valuesOf("tags: [a]\nport: 9090\nenvoy: { concurrency: 4, enabled: false }\n"));
  expect(merged).toMatchObject({ port: 8_080, tags: ["a"], envoy: { concurrency: 4, enabled: true } });
  expect(changesBetween(before, merged)).toEqual({ now: ["tags", "envoy.concurrency"], service: [], agent: [] });
});
