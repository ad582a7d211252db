/** An xDS server as a library: a cache of resources in layers, and a server that keeps every client at its newest state. */
export { type ChangedNames, type Changes, createResourceCache, type Layer, type ResourceCache } from "./cache.js";
export type { Acknowledged, Missed, Pushed, Refused, Settled, StreamClosed, StreamOpened, UnknownType, XdsEvent } from "./event.js";
export type { Variant } from "./frame.js";
export { defaultLimits, type Limits } from "./limits.js";
export type { ListenOptions } from "./listener.js";
export type { LoadReport, LoadReporting } from "./load-report.js";
export type { Demand, XdsServerOptions } from "./options.js";
export type { Mark, Publication } from "./publication.js";
export { contentVersion, createResource, type Resource, sameContent } from "./resource.js";
export { createXdsServer, type XdsPort, type XdsServer } from "./server.js";
export type { RejectedStatus, StreamStatus, TypeStatus } from "./status.js";
export { type Call, type Peer, Status, type Wire } from "./transport.js";
export { builtInTypes, type ResourceType, TypeUrl } from "./type.js";
export type { NodeView } from "./view.js";
