/** The HTTP API in schemas: what comes in is validated by them, what goes out is documented by them. Loads zod; whoever wants the types alone imports types. */

export * from "./agent.js";
export * from "./agent-report.js";
export * from "./audit.js";
export * from "./breaker.js";
export * from "./command.js";
export * from "./event.js";
export * from "./event-details.js";
export * from "./explain.js";
export * from "./graph.js";
export * from "./health.js";
export * from "./instances.js";
export * from "./intention.js";
export * from "./ledger.js";
export * from "./orchestration.js";
export * from "./orders.js";
export * from "./plan.js";
export * from "./policy.js";
export * from "./problem-details.js";
export * from "./proxy.js";
export * from "./proxy-drift.js";
export * from "./quarantine.js";
export * from "./routing.js";
export * from "./scalar.js";
export * from "./service.js";
export * from "./services-overview.js";
export type { View } from "./view.js";
