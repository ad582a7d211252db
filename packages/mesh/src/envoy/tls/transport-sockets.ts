/** Mutual TLS as Envoy's transport sockets: who has to show which certificate on either side of a connection. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Protocol, secretNames } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import { type TransportSocket, TransportSocketSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { RawBufferSchema } from "@legation/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer";
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/common";
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls";
import { spiffeIdOf, spiffePrefix, type Trust } from "../../policy/identity/trust.js";
import { callersSecret, secretConfig } from "./secrets.js";

/** The key and value of an endpoint's `envoy.transport_socket_match` metadata by which callers choose mutual TLS for it. */
export const mutualMatch = { tls: "mutual" } as const;

/**
 * What a listener shows and asks for: the node's leaf, and from the caller a certificate of the roots that names anything of the trust
 * domain; with `tcp` one that `callersSecret` admits. Sessions are not resumed: each connection is checked against the roots of its time.
 */
export function inboundTls(trust: Trust, protocol: Protocol): TransportSocket {
  const alpn = protocol === "tcp" ? [] : ["h2", "http/1.1"];
  const context = create(DownstreamTlsContextSchema, {
    commonTlsContext: tlsContext(
      alpn,
      protocol === "tcp"
        ? { case: "validationContextSdsSecretConfig", value: secretConfig(callersSecret) }
        : named({ case: "prefix", value: spiffePrefix(trust) }),
    ),
    requireClientCertificate: true,
    disableStatefulSessionResumption: true,
    sessionTicketKeysType: { case: "disableStatelessSessionResumption", value: true },
  });
  return tlsSocket(packAny(DownstreamTlsContextSchema, context));
}

/** What a caller shows and asks for: its leaf, and from the instance a certificate of the roots that names exactly the service called. */
export function outboundTls(trust: Trust, service: string, protocol: Protocol): TransportSocket {
  const alpn = protocol === "tcp" ? [] : [protocol === "http" ? "http/1.1" : "h2"];
  const context = create(UpstreamTlsContextSchema, {
    commonTlsContext: tlsContext(alpn, named({ case: "exact", value: spiffeIdOf(trust, service) })),
    maxSessionKeys: 0,
  });
  return tlsSocket(packAny(UpstreamTlsContextSchema, context));
}

/** Plain text. */
export function plaintext(): TransportSocket {
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.raw_buffer",
    configType: { case: "typedConfig", value: packAny(RawBufferSchema, create(RawBufferSchema)) },
  });
}

type Validation = MessageInitShape<typeof CommonTlsContextSchema>["validationContextType"];

/** A certificate of the roots with such a URI. */
function named(matchPattern: { readonly case: "exact" | "prefix"; readonly value: string }): Validation {
  return {
    case: "combinedValidationContext",
    value: {
      defaultValidationContext: {
        matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.URI, matcher: { matchPattern } }],
      },
      validationContextSdsSecretConfig: secretConfig(secretNames.roots),
    },
  };
}

function tlsContext(alpnProtocols: string[], validationContextType: Validation): CommonTlsContext {
  return create(CommonTlsContextSchema, {
    tlsParams: { tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2 },
    tlsCertificateSdsSecretConfigs: [secretConfig(secretNames.leaf)],
    validationContextType,
    alpnProtocols,
  });
}

function tlsSocket(typedConfig: TransportSocket["configType"]["value"]): TransportSocket {
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: typedConfig ? { case: "typedConfig", value: typedConfig } : { case: undefined },
  });
}
