/** What a proxy says of itself in `node.metadata.legation`; it alone yields the proxy's resources. */
import { type Dependency, dependencyOf, dependencyWord } from "./dependency.js";
import { isProtocol, type Protocol } from "./registration.js";

/** What kind of client a node is: an Envoy beside a service, an Envoy at the edge, or a gRPC application without an Envoy. */
export type NodeKind = "sidecar" | "gateway" | "grpc";

/** The complete description of a node, version 1. Addresses are `host:port`. */
export interface NodeMetadata {
  readonly api: 1;
  readonly service: string;
  readonly kind: NodeKind;
  /** Where this Envoy accepts what is meant for its service. */
  readonly inbound: string;
  /** Where the application listens. */
  readonly app: string;
  /** Where this Envoy accepts what its application sends to others; HTTP. */
  readonly outbound: string;
  readonly protocol: Protocol;
  readonly dependencies: readonly Dependency[];
  /** The absolute path of the directory with this node's `certificateFiles`. Without it the node has no identity, and speaks plain text. */
  readonly certificates?: string;
}

/** The outbound address of a node that names none. */
export const defaultOutbound = "127.0.0.1:15001";

/** The identity of an instance everywhere: a service ID is unique per Consul node only. */
export function instanceKey(consulNode: string, serviceId: string): string {
  return `${consulNode}/${serviceId}`;
}

/** The two parts of an `instanceKey`; undefined for a text that is none. No Consul node has a slash in its name. */
export function splitInstanceKey(key: string): { readonly node: string; readonly id: string } | undefined {
  const [, node, id] = /^([^/]+)\/(.+)$/s.exec(key) ?? [];
  return node === undefined || id === undefined ? undefined : { node, id };
}

/** Writes the metadata as the JSON object that stands at `node.metadata.legation`; dependencies as words (`dependencyWord`). */
export function encodeNodeMetadata(metadata: NodeMetadata): Record<string, unknown> {
  return { ...metadata, dependencies: metadata.dependencies.map(dependencyWord) };
}

/** Reads `node.metadata.legation`. Returns a string that says what is wrong and how it should be when the object is not of version 1. */
export function decodeNodeMetadata(value: unknown): NodeMetadata | string {
  if (typeof value !== "object" || value === null)
    return "node.metadata.legation is missing: start Envoy with the bootstrap that the agent writes";
  const raw = value as Record<string, unknown>;
  if (raw["api"] !== 1) return `node.metadata.legation.api is ${JSON.stringify(raw["api"])}; this control plane speaks 1`;
  const { service, kind = "sidecar", inbound, app, outbound = defaultOutbound, protocol = "http", dependencies = [], certificates } = raw;
  if (typeof service !== "string" || service === "") return "node.metadata.legation.service must be a service's name";
  if (kind !== "sidecar" && kind !== "gateway" && kind !== "grpc")
    return `node.metadata.legation.kind is ${JSON.stringify(kind)}; use sidecar, gateway or grpc`;
  for (const [key, address] of Object.entries({ inbound, app, outbound })) {
    if (kind === "sidecar" && (typeof address !== "string" || !splitAddress(address)))
      return `node.metadata.legation.${key} must be host:port, got ${JSON.stringify(address)}`;
  }
  if (typeof protocol !== "string" || !isProtocol(protocol))
    return `node.metadata.legation.protocol is ${JSON.stringify(protocol)}; use http, http2, grpc or tcp`;
  if (!Array.isArray(dependencies) || dependencies.some((d) => typeof d !== "string" || dependencyOf(d).name === ""))
    return "node.metadata.legation.dependencies must be a list of service names, with ? behind an optional one, such as orders, db:15432 or cache?";
  if (certificates !== undefined && (typeof certificates !== "string" || !certificates.startsWith("/")))
    return `node.metadata.legation.certificates must be an absolute path, got ${JSON.stringify(certificates)}`;
  return {
    api: 1,
    service,
    kind,
    inbound: String(inbound ?? ""),
    app: String(app ?? ""),
    outbound: String(outbound),
    protocol,
    dependencies: (dependencies as string[]).map(dependencyOf),
    ...(certificates === undefined ? {} : { certificates }),
  };
}

/** Splits `host:port`; IPv6 hosts stand in brackets. Returns undefined when there is no host, or no port of 1–65535 in decimal. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
