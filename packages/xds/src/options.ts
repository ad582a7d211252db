/** Everything that a server may be told. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Clock } from "@legation/runtime";
import type { Authenticate } from "./authentication.js";
import type { ResourceCache } from "./cache.js";
import type { XdsEvent } from "./event.js";
import type { Limits } from "./limits.js";
import type { Keepalive } from "./listener.js";
import type { LoadReporting } from "./load-report.js";
import type { OrderLimits } from "./order.js";
import type { Publication } from "./publication.js";
import type { Coalescing } from "./publisher.js";
import type { RetryTimes } from "./rejection.js";
import type { ResourceType } from "./type.js";
import type { NodeView } from "./view.js";

/** What a client asked for and does not exist. */
export interface Demand {
  readonly node: Node;
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** The options of a server; only `cache` and `view` have no default. */
export interface XdsServerOptions {
  readonly cache: ResourceCache;
  /**
   * The layers of a node, from its first request. Undefined: the node has no state and waits until `refresh`; what it has, it keeps. A
   * node also waits until every layer in `layers` exists. Throwing or rejecting ends the stream with UNAVAILABLE and the error's message.
   * Of answers that come out of order, none overwrites that of a later call.
   */
  view(node: Node): NodeView | undefined | Promise<NodeView | undefined>;
  /** Called for every event, synchronously; must not throw. */
  readonly onEvent?: (event: XdsEvent) => void;
  /** Called for every publication, before anything of it is sent; must not throw. */
  readonly onPublication?: (publication: Publication) => void;
  /**
   * Called with names that do not exist, before the client is told so. It may patch the cache before it returns, or return a promise for
   * which the answer waits, at most `demandMs`. Throwing and rejecting mean that it provides nothing.
   */
  readonly onDemand?: (demand: Demand) => void | Promise<void>;
  /** Milliseconds; default 1,000. */
  readonly demandMs?: number;
  /** Called when a stream opens, before anything is read. Throwing or rejecting ends it with UNAUTHENTICATED and the error's message. */
  readonly authenticate?: Authenticate;
  /**
   * Called with the node of the first request and what `authenticate` returned; a returned sentence ends the stream with PERMISSION_DENIED.
   * A caller of the status service is shown only the nodes for which this has nothing to say against it.
   */
  readonly authorize?: (node: Node, identity: unknown) => string | undefined;
  /**
   * Called with what `authenticate` returned when somebody asks for the status of clients; a returned sentence ends the call with
   * PERMISSION_DENIED, and without one all nodes may be read. Without this hook `authorize` decides on each node.
   */
  readonly authorizeStatus?: (identity: unknown) => string | undefined;
  /** Serves the load reporting service; without it that service does not exist. */
  readonly loadReports?: LoadReporting;
  readonly limits?: Partial<Limits>;
  readonly order?: Partial<OrderLimits>;
  readonly retry?: Partial<RetryTimes>;
  readonly coalescing?: Partial<Coalescing>;
  readonly keepalive?: Partial<Keepalive>;
  /** Types besides the built-in ones. */
  readonly types?: readonly ResourceType[];
  /** Answer for a cluster's missing endpoints with an empty assignment; default true. Matches by the cluster's name. */
  readonly emptyAssignments?: boolean;
  /** Whether a changed cluster has its endpoints sent again; by default for Envoys, which warm it for 15 s without. */
  readonly resendEndpoints?: (node: Node) => boolean;
  /** Names this server in every response. */
  readonly identifier?: string;
  readonly clock?: Clock;
  /** Between 0 and 1; for jitter. */
  readonly random?: () => number;
}
