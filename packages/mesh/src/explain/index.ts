/** Why a request goes where it goes, and what would answer; and what response flags and lines of access logs mean. */
export { readAccessLine } from "./access-line.js";
export { askedAddress, serviceNamed } from "./address.js";
export { type CallerExplanation, type ExplainedRequest, explainRequest } from "./explain.js";
export { explainFlags, serviceOf } from "./explain-flags.js";
export type { FlagScope } from "./here.js";
export { masked, servicesIn } from "./mask.js";
export { flagsIn, responseFlags } from "./response-flags.js";
export type { CallingProxy, ExplainedWorld } from "./world.js";
