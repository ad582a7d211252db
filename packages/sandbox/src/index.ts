/** Consul, control planes and agents as processes of one machine that never outlive the one who started them. */
export * from "./agent-process.js";
export { type Child, type ChildSpec, type Exit, mustRun } from "./child.js";
export * from "./consul-process.js";
export * from "./control-plane-process.js";
export { identify, isAlive, type ProcessIdentity, signal } from "./process-identity.js";
export * from "./ready.js";
export * from "./sandbox.js";
export type { TetherResult } from "./tether.js";
export * from "./tool.js";
export * from "./until.js";
