/** What tests and benches of other packages need to run against a real Consul. */
export { rotateRoot } from "./ca.js";
export * from "./consul-server.js";
export * from "./intentions.js";
