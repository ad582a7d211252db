/** What holds for every service until an operator says otherwise: DESIGN §5, REQUIREMENTS R4 and R5. Times in milliseconds. */

/** How a caller's Envoy may choose among a service's endpoints. */
export const balancingStrategies = ["health_based", "least_connections", "round_robin", "weighted_round_robin", "random"] as const;
/** One of `balancingStrategies`. */
export type BalancingStrategy = (typeof balancingStrategies)[number];

/** What becomes of the last endpoints when all fail: they are tried all the same, or requests fail at once. */
export type WhenAllFail = "keep-serving" | "fail-fast";

/** The settings of traffic between services. */
export interface MeshDefaults {
  readonly balancing: {
    readonly strategy: BalancingStrategy;
    /** How long a new endpoint's share grows to its full size; 0 = at once. Least-request and round robin know it. */
    readonly slowStart: number;
    /** Percent of healthy endpoints below which all are tried, whatever their health. Whole numbers; Envoy rounds. */
    readonly panicThreshold: number;
  };
  readonly circuitBreaker: {
    /** Failures in a row, of the service or of the way to it, that eject an endpoint. */
    readonly failureThreshold: number;
    /** How long a first ejection lasts; each further one of the same endpoint lasts longer by as much, to at most 5 minutes. */
    readonly recoveryTimeout: number;
    /** Successes after which a returned endpoint is shown as closed again. Envoy has no half-open state, so it is not in its resources. */
    readonly successThreshold: number;
    /** From the end of the request to the end of the response, retries included. gRPC calls bring their own deadline instead. */
    readonly timeout: number;
    /** The window over which failures are reported. Envoy counts failures in a row and has no window, so it is not in its resources. */
    readonly monitoringPeriod: number;
    readonly whenAllFail: WhenAllFail;
  };
  readonly retries: {
    /** Attempts after the first. */
    readonly attempts: number;
    /** Retries at once, in percent of the active requests to the service. */
    readonly budgetPercent: number;
    /**
     * Retries at once that are always allowed. When one of two instances dies, half of all active requests need a retry in the
     * same instant, which a budget in percent would refuse; these are cheap, since nobody has worked on them yet.
     */
    readonly minConcurrency: number;
    /** The first wait between attempts, and the longest; both are jittered by Envoy. */
    readonly backoff: { readonly base: number; readonly max: number };
  };
  /** Per calling Envoy and service. Beyond them requests fail at once. */
  readonly limits: { readonly connections: number; readonly pendingRequests: number; readonly requests: number };
  readonly connections: {
    /** TCP connect and TLS handshake together. */
    readonly connectTimeout: number;
    /** An unused connection to a service is closed after this. */
    readonly idleTimeout: number;
    /** An unused connection from Envoy to its own application: shorter than the 5 s after which Node and many others close theirs. */
    readonly appIdleTimeout: number;
    /** A caller with a certificate replaces a connection after this, so that certificates are checked again, and plain text ends. */
    readonly lifetime: number;
    /** TCP probes begin after this time of silence, and HTTP/2 pings are sent this often. */
    readonly keepalive: number;
  };
  /** Where Envoy writes a line of JSON per request; nowhere without it. */
  readonly accessLog?: { readonly path: string };
}

/** The settings without any policy. */
export const meshDefaults: MeshDefaults = {
  balancing: { strategy: "health_based", slowStart: 30_000, panicThreshold: 1 },
  circuitBreaker: {
    failureThreshold: 5,
    recoveryTimeout: 60_000,
    successThreshold: 3,
    timeout: 30_000,
    monitoringPeriod: 300_000,
    whenAllFail: "keep-serving",
  },
  retries: { attempts: 2, budgetPercent: 20, minConcurrency: 100, backoff: { base: 25, max: 250 } },
  limits: { connections: 1024, pendingRequests: 1024, requests: 4096 },
  connections: { connectTimeout: 1_000, idleTimeout: 60_000, appIdleTimeout: 4_000, lifetime: 600_000, keepalive: 30_000 },
};
