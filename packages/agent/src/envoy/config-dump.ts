/** Envoy's config dump, read type by type with only what tells versions apart: never key material, never whole resources. */
import {
  type ConfigType,
  type EnvoyConfig,
  endpointAddress,
  endpointMark,
  type HeldResource,
  heldMessageLength,
  heldResources,
} from "@legation/contract";

/** Asks for one part of the dump. Rejects with an Error when Envoy does not answer. */
export type ReadDump = (query: string) => Promise<DumpAnswer>;

/** An answer of `/config_dump?resource=…`. */
export interface DumpAnswer {
  readonly configs?: readonly object[];
}

interface Versioned {
  readonly version_info?: string;
  readonly last_updated?: string;
}

interface DumpedCluster extends Versioned {
  readonly cluster?: { readonly name?: string };
}

interface DumpedListener {
  readonly name?: string;
  readonly active_state?: Versioned;
  readonly warming_state?: Versioned;
  readonly draining_state?: Versioned;
  readonly error_state?: { readonly details?: string; readonly version_info?: string; readonly last_update_attempt?: string };
}

interface DumpedRoutes extends Versioned {
  readonly route_config?: { readonly name?: string };
}

interface DumpedExtension extends Versioned {
  readonly ecds_filter?: { readonly name?: string };
}

interface DumpedSecret extends Versioned {
  readonly name?: string;
}

interface DumpedEndpoints {
  readonly endpoint_config?: {
    readonly cluster_name?: string;
    readonly endpoints?: readonly {
      readonly lb_endpoints?: readonly {
        readonly endpoint?: {
          readonly address?: { readonly socket_address?: { readonly address?: string; readonly port_value?: number } };
        };
      }[];
    }[];
  };
}

const states = ["active_state", "warming_state", "draining_state"] as const;
const listenerFields = [
  "name",
  ...states.flatMap((state) => [`${state}.version_info`, `${state}.last_updated`]),
  ...["error_state.details", "error_state.version_info", "error_state.last_update_attempt"],
];

/** Reads what Envoy holds, one part after the other: what changes meanwhile may be seen half. */
export async function readEnvoyConfig(read: ReadDump): Promise<Pick<EnvoyConfig, "held" | "leftOut">> {
  const part = async <T extends object>(resource: string, fields: readonly string[], more = ""): Promise<readonly T[]> => {
    const mask = fields.length > 0 ? `&mask=${fields.join(",")}` : "";
    return ((await read(`resource=${resource}${mask}${more}`)).configs ?? []) as readonly T[];
  };
  const versions = ["version_info", "last_updated"];
  const clusters = (resource: string) => part<DumpedCluster>(resource, ["cluster.name", ...versions]);
  const secrets = (resource: string) => part<DumpedSecret>(resource, ["name", ...versions]);
  const endpoints = (resource: string) => part<DumpedEndpoints>(resource, [], "&include_eds");
  return bounded({
    cluster: [
      ...(await clusters("dynamic_active_clusters")).flatMap((row) => heldIn(row.cluster?.name, row)),
      ...(await clusters("dynamic_warming_clusters")).flatMap((row) => heldIn(row.cluster?.name, row, "warming")),
    ],
    endpoints: [...(await endpoints("dynamic_endpoint_configs")), ...(await endpoints("static_endpoint_configs"))].flatMap(endpointsIn),
    listener: (await part<DumpedListener>("dynamic_listeners", listenerFields)).flatMap(listenerIn),
    routes: (await part<DumpedRoutes>("dynamic_route_configs", ["route_config.name", ...versions])).flatMap((row) =>
      heldIn(row.route_config?.name, row),
    ),
    extension: (await part<DumpedExtension>("ecds_filters", ["ecds_filter.name", ...versions])).flatMap((row) =>
      heldIn(row.ecds_filter?.name, row),
    ),
    secret: [
      ...(await secrets("dynamic_active_secrets")).flatMap((row) => heldIn(row.name, row)),
      ...(await secrets("dynamic_warming_secrets")).flatMap((row) => heldIn(row.name, row, "warming")),
    ],
  });
}

/** A resource without a version is none of a control plane's: the bootstrap's secrets are files. */
function heldIn(name: string | undefined, { version_info, last_updated }: Versioned, state?: "warming" | "draining"): HeldResource[] {
  if (name === undefined || version_info === undefined) return [];
  return [{ name, version: version_info, ...(state ? { state, ...(last_updated ? { since: last_updated } : {}) } : {}) }];
}

function listenerIn({ name, active_state, warming_state, draining_state, error_state }: DumpedListener): HeldResource[] {
  const found = [
    ...(active_state ? heldIn(name, active_state) : []),
    ...(warming_state ? heldIn(name, warming_state, "warming") : []),
    ...(draining_state ? heldIn(name, draining_state, "draining") : []),
  ];
  if (name === undefined || !error_state) return found;
  const { details = "", version_info: version = "", last_update_attempt: since } = error_state;
  return [...found, { name, version, state: "failed", ...(since ? { since } : {}), message: details.slice(0, heldMessageLength) }];
}

function endpointsIn({ endpoint_config: { cluster_name: name, endpoints = [] } = {} }: DumpedEndpoints): HeldResource[] {
  if (name === undefined) return [];
  const addresses = endpoints.flatMap(({ lb_endpoints = [] }) =>
    lb_endpoints.flatMap(({ endpoint }) => {
      const { address, port_value } = endpoint?.address?.socket_address ?? {};
      return address === undefined || port_value === undefined ? [] : [endpointAddress(address, port_value)];
    }),
  );
  return [{ name, version: endpointMark(addresses) }];
}

function bounded(held: Record<ConfigType, readonly HeldResource[]>): Pick<EnvoyConfig, "held" | "leftOut"> {
  let room = heldResources;
  let leftOut = 0;
  const cut = Object.entries(held).map(([type, rows]) => {
    const kept = rows.slice(0, room);
    room -= kept.length;
    leftOut += rows.length - kept.length;
    return [type, kept];
  });
  return { held: Object.fromEntries(cut) as EnvoyConfig["held"], leftOut };
}
