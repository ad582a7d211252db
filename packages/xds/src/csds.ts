/** Client status discovery: what each client was sent, took and refused, for any tool that speaks CSDS. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClientResourceStatus, UpdateFailureStateSchema } from "@legation/envoy-api/envoy/admin/v3/config_dump_shared";
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import {
  type ClientConfig,
  type ClientConfig_GenericXdsConfig,
  ClientConfig_GenericXdsConfigSchema,
  ClientConfigSchema,
  type ClientStatusRequest,
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
  ConfigStatus,
} from "@legation/envoy-api/envoy/service/status/v3/csds";
import type { StringMatcher } from "@legation/envoy-api/envoy/type/matcher/v3/string";
import type { Objection } from "./auxiliary.js";
import { absent, resourceOf, versionOf } from "./holding.js";
import type { Stream } from "./stream.js";
import type { Subscription } from "./subscription.js";
import { type Call, framed, Status, type Wire } from "./transport.js";
import { TypeUrl } from "./type.js";

/** The two methods. The first answers each request of a stream, the second one request. */
export const csdsPaths = {
  stream: "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus",
  fetch: "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus",
} as const;

/** Answers that a client may leave unread before its call is ended: each is a copy of everything that is known. */
const unreadAnswers = 4;

/** What a caller of the status service may be told; a sentence says why it may not. */
export interface StatusRights {
  /** About the whole question. */
  refusal(): string | undefined;
  /** About one node, which is left out then. */
  readonly objection: Objection;
}

/**
 * Serves one call, about the nodes for which the caller is not objected to. Matchers by node id are honoured, also with case ignored;
 * matchers by metadata, and by regular expressions, are refused. What is in a secret is never told.
 */
export function serveCsds(path: string, wire: Wire, streams: Iterable<Stream>, rights: StatusRights): Call {
  let unread = 0;
  return {
    message(bytes) {
      if (unread >= unreadAnswers) {
        wire.end(Status.RESOURCE_EXHAUSTED, `${unread} answers are not read yet`);
        return;
      }
      const refusal = rights.refusal();
      if (refusal !== undefined) {
        wire.end(Status.PERMISSION_DENIED, refusal);
        return;
      }
      const request = fromBinary(ClientStatusRequestSchema, bytes);
      if (request.nodeMatchers.some(({ nodeMetadatas, nodeId }) => nodeMetadatas.length > 0 || (nodeId && !understood(nodeId)))) {
        wire.end(Status.INVALID_ARGUMENT, "nodes are matched by id only, and that by exact, prefix, suffix or contains");
        return;
      }
      const mayRead = (node: Node | undefined) => node !== undefined && rights.objection(node) === undefined;
      const chosen = [...streams].filter((stream) => matches(request, stream.nodeId) && mayRead(stream.node));
      const config = chosen.map((stream) => clientConfig(stream, request.excludeResourceContents));
      const response = toBinary(ClientStatusResponseSchema, create(ClientStatusResponseSchema, { config }));
      unread += 1;
      wire.write(framed(response), () => {
        unread -= 1;
      });
      if (path === csdsPaths.fetch) wire.end(Status.OK, "");
    },
    halfClose: () => wire.end(Status.OK, ""),
    closed: () => undefined,
  };
}

function matches({ nodeMatchers }: ClientStatusRequest, id: string): boolean {
  return nodeMatchers.length === 0 || nodeMatchers.some(({ nodeId }) => nodeId === undefined || stringMatches(nodeId, id));
}

function understood({ matchPattern }: StringMatcher): boolean {
  return ["exact", "prefix", "suffix", "contains"].includes(matchPattern.case ?? "");
}

function stringMatches({ matchPattern, ignoreCase }: StringMatcher, value: string): boolean {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  switch (matchPattern.case) {
    case "exact":
      return fold(value) === fold(matchPattern.value);
    case "prefix":
      return fold(value).startsWith(fold(matchPattern.value));
    case "suffix":
      return fold(value).endsWith(fold(matchPattern.value));
    case "contains":
      return fold(value).includes(fold(matchPattern.value));
    default:
      return false;
  }
}

function clientConfig(stream: Stream, withoutContents: boolean): ClientConfig {
  const genericXdsConfigs = stream.subscriptions.flatMap((subscription) => {
    const names = new Set(subscription.names);
    for (const [name] of subscription.holding.entries()) names.add(name);
    for (const name of subscription.rejections.keys()) names.add(name);
    return [...names].map((name) => resourceConfig(stream, subscription, name, withoutContents));
  });
  return create(ClientConfigSchema, {
    ...(stream.node ? { node: stream.node } : {}),
    genericXdsConfigs,
    clientScope: `stream ${stream.id}`,
  });
}

function resourceConfig(stream: Stream, subscription: Subscription, name: string, withoutContents: boolean): ClientConfig_GenericXdsConfig {
  const typeUrl = subscription.type.url;
  const taken = subscription.acknowledged(name);
  const resource = resourceOf(taken);
  const rejection = subscription.rejections.get(name);
  const target = subscription.target(name, stream.source(typeUrl));
  const hidden = withoutContents || typeUrl === TypeUrl.secret;
  return create(ClientConfig_GenericXdsConfigSchema, {
    typeUrl,
    name,
    versionInfo: versionOf(taken) ?? "",
    ...(resource && !hidden ? { xdsConfig: { typeUrl, value: resource.bytes } } : {}),
    ...(subscription.lastAcknowledgedAt === undefined ? {} : { lastUpdated: timestampFromMs(subscription.lastAcknowledgedAt) }),
    configStatus: rejection ? ConfigStatus.ERROR : configStatus(subscription, name, versionOf(taken), target?.version),
    clientStatus: rejection ? ClientResourceStatus.NACKED : clientStatus(taken === absent, versionOf(taken)),
    ...(rejection
      ? {
          errorState: create(UpdateFailureStateSchema, {
            details: rejection.message,
            versionInfo: rejection.resource.version,
            ...(subscription.lastRejection ? { lastUpdateAttempt: timestampFromMs(subscription.lastRejection.at) } : {}),
            ...(hidden ? {} : { failedConfiguration: { typeUrl, value: rejection.resource.bytes } }),
          }),
        }
      : {}),
  });
}

function configStatus(subscription: Subscription, name: string, taken: string | undefined, target: string | undefined): ConfigStatus {
  if (taken === target) return ConfigStatus.SYNCED;
  return versionOf(subscription.holding.get(name)) === undefined ? ConfigStatus.NOT_SENT : ConfigStatus.STALE;
}

function clientStatus(toldAbsent: boolean, taken: string | undefined): ClientResourceStatus {
  if (toldAbsent) return ClientResourceStatus.DOES_NOT_EXIST;
  return taken === undefined ? ClientResourceStatus.REQUESTED : ClientResourceStatus.ACKED;
}
