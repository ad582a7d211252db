/** A client for Consul: what the npm package `consul` gives, and what it lacks. */
export * from "./acl.js";
export * from "./agent.js";
export * from "./ca.js";
export * from "./consul.js";
export { ConsulError, type ConsulErrorCode } from "./error.js";
export * from "./intentions.js";
export * from "./kv.js";
export { type ConsulOptions, consulOptionsFromEnv } from "./options.js";
export { type AclRule, missingRule, ruleToHcl } from "./permission.js";
export * from "./watch.js";
