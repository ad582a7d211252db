import type { AgentRow, GraphView } from "@legation/contract/api";
import { expect, it } from "vitest";
import { paper } from "../screen.js";
import { show as showAgents } from "./agents.js";
import { show } from "./graph.js";

const graph: GraphView = {
  layers: [["db"], ["orders"]],
  ...{ cycles: [], startupOrder: ["db", "orders"], shutdownOrder: ["orders", "db"], silent: [] },
  edges: [
    { from: "orders", to: "db", kind: "declared", declared: "required", calls: 0 },
    { from: "orders", to: "stray", kind: "undeclared", declared: null, calls: 2 },
  ],
};

it("draws who calls whom, with colours on a terminal alone", () => {
  const plain = `2 services in 2 layers; 1 declared dependency, 1 not called; 1 undeclared.
Starts from the top, stops from the bottom.

┌ 1  db
│
└ 2  orders  needs db (not called); calls undeclared stray (not registered)
`;
  expect(show(graph, paper)).toBe(plain);
  const painted = show(graph, { width: 80, colour: true });
  const unpainted = painted
    .split("\u001b")
    .map((part) => part.replace(/^\[\d+m/, ""))
    .join("");
  expect(painted).toContain("\u001b[31mstray\u001b[0m");
  expect(unpainted).toBe(plain);
});

it("names the control planes whose agents' calls are not counted", () => {
  expect(show({ ...graph, silent: ["10.0.0.2:8080 did not answer"] }, paper)).toMatch(
    /\n\nNo answer from the control plane at 10\.0\.0\.2:8080 did not answer\n$/,
  );
});

it("lists agents, and says which are silent, unreachable or without a living Envoy", () => {
  const agent: AgentRow = {
    ...{ node: "n1", id: "web-1", service: "web", agentVersion: "0.1.0", state: "running", reason: "it runs", silent: false },
    ...{ reportedAt: "2026-01-01T00:00:00.000Z", replica: "10.0.0.1:8080", admin: "http://127.0.0.1:19100" },
    envoy: { phase: "live", reason: "Envoy is live", version: "1.40.0" },
  };
  const agents: AgentRow[] = [
    agent,
    { ...agent, id: "web-2", replica: null, envoy: { phase: "down", reason: "its port is taken", version: null } },
    { ...agent, id: "web-3", silent: true, envoy: null },
  ];
  expect(showAgents({ agents, silent: [] }, paper)).toBe(`AGENT     STATE    ENVOY        CONTROL PLANE  ADMIN
n1/web-1  running  1.40.0 live  10.0.0.1:8080  127.0.0.1:19100
n1/web-2  running  down         -              127.0.0.1:19100
n1/web-3  silent   -            10.0.0.1:8080  127.0.0.1:19100

Versions: 0.1.0 (3 agents).
n1/web-2: its Envoy is down: its port is taken
n1/web-2: listens at no control plane that answers: no command reaches it
n1/web-3: has said nothing since 2026-01-01T00:00:00.000Z
`);
  expect(showAgents({ agents: [], silent: [] }, paper)).toBe("No agent reports.\n");
});
