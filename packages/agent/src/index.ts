/** `legation agent`: the sidecar that supervises a service, registers it in Consul and runs its Envoy. */

export type { AgentIo } from "./agent-io.js";
export { agentOptions } from "./config/options.js";
export { runAgent } from "./run-agent.js";
export type { ReadyFile } from "./state-dir.js";
export type { AgentStatus } from "./status.js";
