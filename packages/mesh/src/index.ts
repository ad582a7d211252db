/** The pure core of the mesh: catalog → Envoy resources. No I/O, no clock, no Node. */
export { addressOf } from "./catalog/address.js";
export { type Endpoint, type EndpointHealth, endpointOf, isServing, type Omission } from "./catalog/endpoint.js";
export { type CatalogService, type Check, type CheckStatus, type Instance, keyOf } from "./catalog/instance.js";
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
export { type CompiledNode, compileNode } from "./compile-node.js";
export { type CompiledService, compileService } from "./compile-service.js";
export { endpointsLayer, layersOf, type NodeLayers } from "./layers.js";
export { type BalancingStrategy, type MeshDefaults, meshDefaults, type WhenAllFail } from "./policy/mesh-defaults/mesh-defaults.js";
export { failureHeader } from "./policy/mesh-defaults/retry-policy.js";
export type { Problem, ProblemCode } from "./problem.js";
export type { MeshResource, Provenance } from "./resource.js";
