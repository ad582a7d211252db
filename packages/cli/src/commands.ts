/** The list of all commands, in the order in which `--help` shows them. */
import type { Command } from "./command.js";

/** Every command. */
export const commands: readonly Command[] = [
  {
    name: "control-plane",
    group: "processes",
    summary: "Serve Consul's registry to Envoys as their configuration",
    load: () => import("./commands/control-plane.js"),
  },
  {
    name: "agent",
    group: "processes",
    summary: "Run beside a service: register it, check it, run its Envoy",
    load: () => import("./commands/agent.js"),
  },
  {
    name: "dev",
    group: "processes",
    summary: "Run a whole mesh on this machine, to develop services in",
    load: () => import("./commands/dev.js"),
  },
  {
    name: "status",
    group: "see",
    summary: "Show each control plane, the age of its data, and problems",
    load: () => import("./commands/status.js"),
  },
  {
    name: "services",
    group: "see",
    summary: "List the services that a control plane sees, and their health",
    load: () => import("./commands/services.js"),
  },
  {
    name: "instances",
    group: "see",
    summary: "List all instances: process, health, traffic, restarts",
    load: () => import("./commands/instances.js"),
  },
  {
    name: "proxies",
    group: "see",
    summary: "List all proxies, what each accepted, and whether it drifts",
    load: () => import("./commands/proxies.js"),
  },
  {
    name: "agents",
    group: "see",
    summary: "List all agents, and how they and their Envoys stand",
    load: () => import("./commands/agents.js"),
  },
  {
    name: "graph",
    group: "see",
    summary: "Draw who calls whom, declared and observed, in layers",
    load: () => import("./commands/graph.js"),
  },
  {
    name: "events",
    group: "see",
    summary: "List what happened in the mesh, or follow what happens",
    load: () => import("./commands/events.js"),
  },
  { name: "audit", group: "see", summary: "List who changed what, and who was refused what", load: () => import("./commands/audit.js") },
  {
    name: "security-events",
    group: "see",
    summary: "List what may be an attack, or is about to lock somebody out",
    load: () => import("./commands/security-events.js"),
  },
  {
    name: "ledger",
    group: "why",
    summary: "List changes, how many proxies have each, and who lags",
    load: () => import("./commands/ledger.js"),
  },
  {
    name: "why-not",
    group: "why",
    summary: "Say why an instance gets no traffic, gate by gate",
    load: () => import("./commands/why-not.js"),
  },
  {
    name: "explain",
    group: "why",
    summary: "Say where a request goes, or what a response flag means",
    load: () => import("./commands/explain.js"),
  },
  {
    name: "intentions",
    group: "why",
    summary: "List who may call whom, or say what becomes of a call and why",
    load: () => import("./commands/intentions.js"),
  },
  {
    name: "policy",
    group: "steer",
    summary: "Check, apply, sign, compare and take back the mesh's policies",
    load: () => import("./commands/policy.js"),
  },
  {
    name: "drain",
    group: "steer",
    summary: "Take an instance out of service without a lost request",
    load: () => import("./commands/drain.js"),
  },
  { name: "undrain", group: "steer", summary: "Put a drained instance back into service", load: () => import("./commands/undrain.js") },
  {
    name: "restart",
    group: "steer",
    summary: "Restart an instance's process without a lost request",
    load: () => import("./commands/restart.js"),
  },
  {
    name: "check-now",
    group: "steer",
    summary: "Let an instance's checks look now, and show what they found",
    load: () => import("./commands/check-now.js"),
  },
  {
    name: "maintenance",
    group: "steer",
    summary: "Hold an instance out of service until told otherwise",
    load: () => import("./commands/maintenance.js"),
  },
  {
    name: "prove",
    group: "prove",
    summary: "Prove on a mesh on this machine that restarts lose no request",
    load: () => import("./commands/prove.js"),
  },
  {
    name: "completion",
    group: "more",
    summary: "Let bash, zsh or fish complete what you type",
    load: () => import("./commands/completion.js"),
  },
  { name: "version", group: "more", summary: "Print the version", load: () => import("./commands/version.js") },
];
