/** What a changed configuration means for a running instance: what takes effect at once, and what waits for a restart of what. Pure. */
import type { AgentValues } from "./options.js";

/** When a changed option takes effect: at once, with the next start of the service's process, or with the next start of the agent. */
export type Effect = "now" | "service" | "agent";

/** Options by their path, of one or two words. What is not named waits for the agent. */
const effects: Readonly<Record<string, Effect>> = {
  version: "now",
  tags: "now",
  meta: "now",
  weights: "now",
  dependencies: "now",
  region: "now",
  zone: "now",
  balancing: "now",
  circuitBreaker: "now",
  deregisterAfter: "now",
  health: "now",
  "controlPlane.xds": "now",
  "envoy.binary": "now",
  "envoy.concurrency": "now",
  "envoy.logLevel": "now",
  "envoy.maxHeap": "now",
  "envoy.maxConnections": "now",
  command: "service",
  cwd: "service",
  env: "service",
  envFiles: "service",
  user: "service",
  group: "service",
  umask: "service",
  limits: "service",
  hooks: "service",
};

/** The changed options by the moment at which they take effect, as paths. */
export type Changes = Readonly<Record<Effect, readonly string[]>>;

type Node = { readonly [key: string]: unknown };

/** Compares two configurations, option by option. */
export function changesBetween(before: AgentValues, after: AgentValues): Changes {
  const changed = Object.keys(after).flatMap((key) => {
    const [old, now] = [(before as Node)[key], (after as Node)[key]];
    if (JSON.stringify(old) === JSON.stringify(now)) return [];
    if (key in effects || !isTable(old) || !isTable(now)) return [key];
    return [...new Set([...Object.keys(old), ...Object.keys(now)])]
      .filter((inner) => JSON.stringify(old[inner]) !== JSON.stringify(now[inner]))
      .map((inner) => `${key}.${inner}`);
  });
  const of = (effect: Effect): string[] => changed.filter((path) => (effects[path] ?? "agent") === effect);
  return { now: of("now"), service: of("service"), agent: of("agent") };
}

/** The configuration that can be had without a new agent: `after`, with what waits for the agent as it was before. */
export function withoutAgentChanges(before: AgentValues, after: AgentValues): AgentValues {
  const { agent } = changesBetween(before, after);
  const merged: Record<string, unknown> = { ...after };
  for (const path of agent) {
    const [key = "", inner] = path.split(".");
    merged[key] =
      inner === undefined ? (before as Node)[key] : { ...(merged[key] as Node), [inner]: ((before as Node)[key] as Node)[inner] };
  }
  return merged as unknown as AgentValues;
}

function isTable(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
