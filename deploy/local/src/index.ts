/** A whole mesh on one machine, with real Consul, Envoy, control plane and agents: for the demo, the system tests and the benches. */
export * from "@legation/sandbox";
export * from "./acl.js";
export { answeredBy } from "./answered-by.js";
export * from "./envoy-admin.js";
export * from "./fleet-process.js";
export * from "./http-sender.js";
export * from "./identity.js";
export * from "./latency.js";
export * from "./load.js";
export * from "./mesh.js";
export * from "./service-process.js";
export type { Failure, LoadReport, Outcome } from "./tally.js";
