/** What the agent, the control plane and Consul's registry agree on. Pure: values in, values out. */
export * from "./channel.js";
export * from "./command.js";
export * from "./denied-call.js";
export * from "./dependency.js";
export * from "./envoy-config.js";
export * from "./figures.js";
export * from "./identity.js";
export * from "./ledger.js";
export * from "./node-metadata.js";
export * from "./registration.js";
export * from "./service-name.js";
export * from "./zone-assignment.js";
