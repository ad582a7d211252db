/** The listener by which others reach an application. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import { TrafficDirection } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type Listener, Listener_DrainType, ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import { TlsInspectorSchema } from "@legation/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector";
import {
  type HttpFilter,
  type LocalReplyConfig,
  LocalReplyConfigSchema,
  type ResponseMapper,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { TcpProxySchema } from "@legation/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import { plaintextCount } from "../../authorization/filters.js";
import type { Trust } from "../../policy/identity/trust.js";
import { failureHeader } from "../../policy/traffic/retries/retry-policy.js";
import type { TrafficSettings } from "../../policy/traffic/settings.js";
import { inboundCluster } from "../clusters/inbound-cluster.js";
import { duration, socketAddress } from "../primitives.js";
import { inboundRoutes } from "../routes/inbound.js";
import { inboundTls } from "../tls/transport-sockets.js";
import { accessLog } from "./access-log.js";
import { connectionManager, httpFilter } from "./connection-manager.js";
import type { InboundAuthorization } from "./inbound-authorization.js";

const inbound = "inbound";

/** Who may connect to an instance, and how. At least one of the two ways is open. */
export interface InboundAccess {
  /** Plain text is answered. */
  readonly plaintext: boolean;
  /** Mutual TLS is answered, for callers of this trust domain that `authorization` lets through; all of them without it. */
  readonly mutual?: { readonly trust: Trust; readonly authorization?: InboundAuthorization };
}

/**
 * HTTP, or bytes for `tcp`, to the application. It drains when the Envoy does (drain type DEFAULT, direction INBOUND).
 *
 * With mutual TLS the two ways are filter chains of their own, told apart by the first bytes, so that Envoy takes a change of one without
 * touching the connections of the other. The order of the chains and all around them stay the same whatever `plaintext` says.
 */
export function inboundListener(
  address: { readonly host: string; readonly port: number },
  protocol: Protocol,
  defaults: TrafficSettings,
  { plaintext, mutual }: InboundAccess = { plaintext: true },
): Listener {
  const filters = (authorization?: InboundAuthorization, count?: ReturnType<typeof plaintextCount>) =>
    protocol === "tcp"
      ? [...(count?.network ?? []), ...tcpFilters(defaults, authorization)]
      : [httpFilter(inboundManager(defaults, authorization, count?.http))];
  const chains: FilterChain[] = [];
  const add = (chain: MessageInitShape<typeof FilterChainSchema>) => chains.push(create(FilterChainSchema, chain));
  if (mutual)
    add({
      name: "mutual-tls",
      filterChainMatch: { transportProtocol: "tls" },
      transportSocket: inboundTls(mutual.trust, protocol),
      filters: filters(mutual.authorization),
    });
  if (plaintext && mutual)
    add({ name: "plaintext", filterChainMatch: { transportProtocol: "raw_buffer" }, filters: filters(undefined, plaintextCount()) });
  else if (plaintext) add({ filters: filters() });
  return create(ListenerSchema, {
    name: inbound,
    address: socketAddress(address.host, address.port),
    trafficDirection: TrafficDirection.INBOUND,
    drainType: Listener_DrainType.DEFAULT,
    enableReusePort: false,
    ...(mutual ? firstBytes(protocol) : {}),
    filterChains: chains,
  });
}

/**
 * How long a silent connection is waited for before it is taken for plain text: with `tcp` the server may be the one that speaks first, and
 * its client waits as long.
 */
const silence = { tcp: 500, http: 15_000 } as const;

/** Tells TLS from plain text. */
function firstBytes(protocol: Protocol): Pick<Listener, "listenerFilters" | "listenerFiltersTimeout" | "continueOnListenerFiltersTimeout"> {
  const typedConfig = packAny(TlsInspectorSchema, create(TlsInspectorSchema));
  return {
    listenerFilters: [
      create(ListenerFilterSchema, {
        name: "envoy.filters.listener.tls_inspector",
        configType: { case: "typedConfig", value: typedConfig },
      }),
    ],
    listenerFiltersTimeout: duration(protocol === "tcp" ? silence.tcp : silence.http),
    continueOnListenerFiltersTimeout: true,
  };
}

function inboundManager(defaults: TrafficSettings, authorization?: InboundAuthorization, count: readonly HttpFilter[] = []) {
  const manager = connectionManager(inbound, { case: "routeConfig", value: inboundRoutes() }, defaults);
  const { http = [], replies = [], accessLog: log = [] } = authorization ?? {};
  return {
    ...manager,
    httpFilters: [...count, ...http, ...manager.httpFilters],
    // A rule for /admin must not be passed by /x/../admin: rules and application see one path, as behind Consul's own proxies.
    ...(authorization ? { normalizePath: true } : {}),
    accessLog: [...manager.accessLog, ...log],
    localReplyConfig: failureReplies(replies),
  };
}

/** Tells callers how the application failed, so that they know what is safe to try again. UF: no connection; UC, UR: it broke. */
function failureReplies(before: readonly ResponseMapper[]): LocalReplyConfig {
  const mapper = (flags: string[], value: string) => ({
    filter: { filterSpecifier: { case: "responseFlagFilter" as const, value: { flags } } },
    headersToAdd: [{ header: { key: failureHeader, value } }],
  });
  return create(LocalReplyConfigSchema, { mappers: [...before, mapper(["UF"], "unreached"), mapper(["UC", "UR"], "lost")] });
}

function tcpFilters(defaults: TrafficSettings, authorization?: InboundAuthorization): Filter[] {
  const proxy = create(TcpProxySchema, {
    statPrefix: inbound,
    clusterSpecifier: { case: "cluster", value: inboundCluster },
    idleTimeout: duration(0),
    accessLog: [...accessLog(defaults), ...(authorization?.accessLog ?? [])],
  });
  const tcpProxy = create(FilterSchema, {
    name: "envoy.filters.network.tcp_proxy",
    configType: { case: "typedConfig", value: packAny(TcpProxySchema, proxy) },
  });
  return [...(authorization?.network ?? []), tcpProxy];
}
