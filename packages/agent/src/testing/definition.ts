/** A small, complete configuration for unit tests. */
import { loadConfig } from "@legation/runtime";
import { type AgentConfig, defineAgent } from "../config/definition.js";
import { agentOptions } from "../config/options.js";

/** The configuration of `orders` on port 8080, with what the flags change. */
export function configOf(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}): AgentConfig {
  const loaded = loadConfig(agentOptions, { argv: ["--name", "orders", "--port", "8080", "--id", "orders-1", ...flags], env });
  return defineAgent(loaded.values, loaded.origins, { hostname: "host", home: "/home/x" });
}
