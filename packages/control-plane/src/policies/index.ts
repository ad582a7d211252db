/** What those who write policies need beside the documents themselves: operators' keys and signatures. */
export { createOperatorKey, type OperatorKey, publicKeyOf, signStatement } from "./signing-key.js";
