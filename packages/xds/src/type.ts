/** The kinds of resources that the server knows, and how the protocol treats each of them. */

/** The type URLs of Envoy's v3 resources. */
export const TypeUrl = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  scopedRoute: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  runtime: "type.googleapis.com/envoy.service.runtime.v3.Runtime",
  extensionConfig: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
} as const;

/** How one resource type behaves in the protocol. */
export interface ResourceType {
  readonly url: string;
  /**
   * The place in the order of additions on an aggregated stream (removals go the other way); lower goes first. Types
   * without a rank wait for no other type and hold none up.
   */
  readonly rank?: number;
  /** In the state-of-the-world variant a response carries every subscribed resource, and absence means deletion. */
  readonly fullState?: boolean;
  /** An empty first request is a wildcard. */
  readonly legacyWildcard?: boolean;
  /** A wanted resource that does not exist is answered with silence, because an empty answer would break the client. */
  readonly silentAbsence?: boolean;
  /**
   * Asked for by alias, as virtual hosts are: responses repeat the name as an alias, and the answer about an absent one is a resource
   * without content, because clients wait for the alias and not for a removal.
   */
  readonly aliased?: boolean;
}

/** The built-in types. Others are registered with `createXdsServer({ types })`. */
export const builtInTypes: readonly ResourceType[] = [
  { url: TypeUrl.cluster, rank: 0, fullState: true, legacyWildcard: true },
  { url: TypeUrl.endpoint, rank: 1 },
  { url: TypeUrl.listener, rank: 2, fullState: true, legacyWildcard: true },
  { url: TypeUrl.scopedRoute, rank: 3, fullState: true, legacyWildcard: true },
  { url: TypeUrl.route, rank: 4 },
  { url: TypeUrl.virtualHost, rank: 5, aliased: true, legacyWildcard: true },
  { url: TypeUrl.secret, silentAbsence: true },
  { url: TypeUrl.runtime },
  { url: TypeUrl.extensionConfig, silentAbsence: true },
];
