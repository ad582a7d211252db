/** What decides, in an instance's own Envoy, whether a caller with a certificate may call. */
import type { AccessLog } from "@legation/envoy-api/envoy/config/accesslog/v3/accesslog";
import type { Filter } from "@legation/envoy-api/envoy/config/listener/v3/listener_components";
import type {
  HttpFilter,
  ResponseMapper,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";

/**
 * The rules of one destination as Envoy's filters, for the filter chain of mutual TLS alone: callers in plain text have no name. A
 * change of them comes by itself (`rulesName`) and drains nothing.
 */
export interface InboundAuthorization {
  /** Before the router, in this order, when the service speaks HTTP. */
  readonly http: readonly HttpFilter[];
  /** Before the TCP proxy, in this order, when it speaks `tcp`. */
  readonly network: readonly Filter[];
  /** Before the replies that tell of the application's failures. */
  readonly replies: readonly ResponseMapper[];
  /** Besides the access log of the mesh, for HTTP and TCP. */
  readonly accessLog: readonly AccessLog[];
}
