/** Why a request goes where it goes, and what would answer. */
export { askedAddress, serviceNamed } from "./address.js";
export { type CallerExplanation, type ExplainedRequest, explainRequest } from "./explain.js";
export type { CallingProxy, ExplainedWorld } from "./world.js";
