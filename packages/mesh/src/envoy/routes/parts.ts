/** Compiled routes as parts: each virtual host with a version of its own, so that one of them can be judged and put back alone. */
import { fromBinary } from "@bufbuild/protobuf";
import { encode, typeUrl } from "@legation/envoy-api";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { VirtualHostSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { contentVersion, type MeshResource, resource } from "../../resource.js";

/** The type URL of route configurations. */
export const routesType = typeUrl(RouteConfigurationSchema);

/** One virtual host. */
export interface RoutePart {
  /** The service that it leads to; `outbound:undeclared` for the one that refuses the rest. */
  readonly name: string;
  /** Equal for equal content. */
  readonly version: string;
  /** The message, encoded. */
  readonly bytes: Uint8Array;
}

/** The virtual hosts of a route configuration by name, in its order. */
export function routeParts({ bytes }: Pick<MeshResource, "bytes">): ReadonlyMap<string, RoutePart> {
  const { virtualHosts } = fromBinary(RouteConfigurationSchema, bytes);
  return new Map(
    virtualHosts.map((host) => {
      const encoded = encode(VirtualHostSchema, host);
      return [host.name, { name: host.name, version: contentVersion(encoded), bytes: encoded }];
    }),
  );
}

/**
 * The route configuration with other virtual hosts in place of its own, by name: `undefined` leaves one out. The same bytes, and so the same
 * version, as if it had been compiled with them.
 */
export function withRouteParts(routes: MeshResource, others: ReadonlyMap<string, Uint8Array | undefined>): MeshResource {
  const message = fromBinary(RouteConfigurationSchema, routes.bytes);
  const virtualHosts = message.virtualHosts.flatMap((host) => {
    if (!others.has(host.name)) return host;
    const other = others.get(host.name);
    return other === undefined ? [] : fromBinary(VirtualHostSchema, other);
  });
  return resource(RouteConfigurationSchema, routes.name, { ...message, virtualHosts }, routes.provenance);
}
