/** What those who write policies need beside the documents themselves: operators' keys and signatures, and what the API answers to a change. */

export { createOperatorKey, type OperatorKey, publicKeyOf, signStatement } from "./signing-key.js";
