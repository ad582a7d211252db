/** What those who write policies need beside the documents themselves: operators' keys and signatures, and what the API answers to a change. */

export type { CanaryView } from "../canary/setup.js";
export type { Plan } from "../plan/plan.js";
export type { ResourceChange } from "../plan/resource-changes.js";
export type { RouteChange, SampleRequest } from "../plan/route-changes.js";
export type { ChangeOutcome } from "./editor.js";
export type { Liveness } from "./liveness.js";
export { createOperatorKey, type OperatorKey, publicKeyOf, signStatement } from "./signing-key.js";
