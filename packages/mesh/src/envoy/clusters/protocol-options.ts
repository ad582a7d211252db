/** How Envoy speaks HTTP to an upstream. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Protocol } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import { HttpProtocolOptionsSchema } from "@legation/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options";
import { duration } from "../primitives.js";

/**
 * HTTP/1.1 for `http`, HTTP/2 without negotiation for `http2` and `grpc`, nothing for `tcp`. HTTP/2 connections are pinged every
 * `keepalive`, so that a peer that vanished without a word is noticed under requests that wait. A connection that is older than `lifetime`
 * takes no new requests and ends with the last one.
 */
export function httpOptions(
  protocol: Protocol,
  o: {
    readonly idleTimeout: number;
    readonly keepalive: number;
    readonly lifetime?: number;
    readonly requestsPerConnection?: number | undefined;
  },
): Record<string, Any> {
  if (protocol === "tcp") return {};
  const options = create(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: {
      idleTimeout: duration(o.idleTimeout),
      ...(o.requestsPerConnection === undefined ? {} : { maxRequestsPerConnection: o.requestsPerConnection }),
      ...(o.lifetime === undefined ? {} : { maxConnectionDuration: duration(o.lifetime) }),
    },
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: {
        protocolConfig:
          protocol === "http"
            ? { case: "httpProtocolOptions", value: {} }
            : {
                case: "http2ProtocolOptions",
                value: { allowConnect: true, connectionKeepalive: { interval: duration(o.keepalive), timeout: duration(5_000) } },
              },
      },
    },
  });
  return { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packAny(HttpProtocolOptionsSchema, options) };
}
