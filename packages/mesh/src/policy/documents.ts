/** The documents that operators write, read, named and hashed. Loads nothing of what becomes of them, so that a command that only hands them on starts quickly. */
export type { ApprovalStatement } from "./bundle/manifest.js";
export { contentHash } from "./canonical.js";
export { documentHash, documentKey, documentText, readDocument } from "./document.js";
export type { PolicyDocument } from "./kinds.js";
export { type Finding, findingText } from "./lint/finding.js";
export { type PolicyFile, parsePolicyFiles } from "./policy-file.js";
