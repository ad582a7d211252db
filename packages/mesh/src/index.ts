/** The pure core of the mesh: catalog → Envoy resources. No I/O, no clock, no Node. */

export { type Admission, type AdmittedCaller, admissionTo } from "./authorization/admission.js";
export { type CompiledAuthorization, compileAuthorization } from "./authorization/compile-authorization.js";
export { type Call, type Decision, decide, defaultRule } from "./authorization/decide.js";
export {
  defaultNamespace,
  type HeaderMatch,
  type Intention,
  intentionName,
  intentionsTo,
  type Permission,
  precedence,
  type ServiceMatch,
  type TextMatch,
  type Verdict,
  wildcard,
} from "./authorization/intention.js";
export { type IntentionIndex, indexIntentions, type KnownIntentions } from "./authorization/known-intentions.js";
export { patternProblem } from "./authorization/pattern.js";
export { type DenialInput, denials, strangerRule } from "./authorization/rbac.js";
export type { CallRequest } from "./authorization/request-match.js";
export { type Callee, calleeOf } from "./callee.js";
export { addressOf } from "./catalog/address.js";
export {
  type Endpoint,
  type EndpointHealth,
  endpointOf,
  endpointsOf,
  hasLapsed,
  isMaintenanceCheck,
  isServing,
  type Omission,
} from "./catalog/endpoint.js";
export { type CatalogService, type Check, type CheckStatus, type Instance, keyOf, metaOf } from "./catalog/instance.js";
export {
  applyMassLossGuard,
  type GuardAlert,
  type Guarded,
  type GuardLimits,
  type GuardState,
  guardLimits,
  releaseHeld,
} from "./catalog/mass-loss-guard.js";
export { protocolOf } from "./catalog/protocol.js";
export { type CompiledNode, compileInstance, compileNode, compileView, hasIdentity, type NodeIdentity } from "./compile-node.js";
export { type CalleeIdentity, type CompiledService, compileService, endpointsFrom } from "./compile-service.js";
export type { InboundAuthorization } from "./envoy/listeners/inbound-authorization.js";
export { type RoutePart, routeParts, routesType, withRouteParts } from "./envoy/routes/parts.js";
export { endpointsLayer, layersOf, regionalLayer } from "./layers.js";
export {
  type AuthorizationMode,
  authorizationModes,
  type IdentityPolicies,
  type IdentityPolicy,
  identityChanges,
  identityOf,
  noIdentityPolicies,
  type ServiceIdentityPolicy,
} from "./policy/identity/identity.js";
export { answersPlaintext, answersTls, takesMutualTls } from "./policy/identity/plaintext.js";
export { spiffeIdOf, spiffePrefix, type Trust } from "./policy/identity/trust.js";
export type { Destination } from "./policy/route/destination.js";
export type { PathMatch } from "./policy/route/path-match.js";
export { destinationsOf, type Forward, type RouteRule, type RuleAction } from "./policy/route/rule.js";
export { anyRequest, type RuleMatch } from "./policy/route/rule-match.js";
export type { ValueMatch } from "./policy/route/value-match.js";
export { fullShare, healthShares } from "./policy/traffic/balancing/health-weights.js";
export { defaultSettings, type TrafficSettings } from "./policy/traffic/settings.js";
export { type Subset, type Subsets, subsetsOf } from "./policy/traffic/subsets/subsets.js";
export { noTraffic, type ServiceTraffic, type TrafficPolicies, trafficChanges, trafficTo } from "./policy/traffic/traffic-policies.js";
export type { Problem } from "./problem.js";
export { contentVersion, type MeshResource, type Provenance } from "./resource.js";
