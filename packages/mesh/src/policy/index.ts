/** What operators may write, and what it means. */
export { type Author, notAllowed } from "./access/allowance.js";
export * from "./access/approval-rule.js";
export * from "./bundle/manifest.js";
export { canonicalJson, contentHash } from "./canonical.js";
export { documentHash, documentKey, documentText, readDocument } from "./document.js";
export { type Flaw, flawsOf, pathText } from "./flaw.js";
export { type IdentityDocument, identityPolicies } from "./identity/identity-document.js";
export { policyJsonSchema } from "./json-schema.js";
export { apiVersion } from "./kind.js";
export { affectedBy, conflictsOf, type DocumentOf, isKindName, type KindName, kinds, type PolicyDocument } from "./kinds.js";
export { type Finding, findingText } from "./lint/finding.js";
export { lint, lintChange } from "./lint/lint.js";
export { largestDocument, type ParsedPolicies, type PolicyFile, parsePolicyFiles } from "./policy-file.js";
export { noPolicies, type PolicySet, policySet } from "./policy-set.js";
export { trafficPolicies } from "./traffic/traffic-policies.js";
