/** Envoy's response flags, all of 1.40: what each says, and what to do. */

/** One flag. */
export interface ResponseFlag {
  readonly flag: string;
  /** Envoy's long name. */
  readonly name: string;
  readonly meaning: string;
  readonly action: string;
}

const rows: readonly (readonly [flag: string, name: string, meaning: string, action: string])[] = [
  [
    "UH",
    "NoHealthyUpstream",
    "No instance could be chosen: none is registered, well, or of the subset that the route wants.",
    "Look at the instances: start one, mend the failing check, or correct the subset that the route names.",
  ],
  [
    "UF",
    "UpstreamConnectionFailure",
    "No connection to the instance: refused, timed out, or the TLS handshake failed.",
    "See whether the instance listens where it is registered and whether its certificate is valid; a wrong port shows here first.",
  ],
  [
    "UO",
    "UpstreamOverflow",
    "A limit of this caller towards the service is reached: connections, waiting requests, requests, or retries.",
    "Find why answers are slow; or raise limits of the policy Service of that service, if the service can bear it.",
  ],
  ["NR", "NoRouteFound", "No route takes the request.", "Ask by a declared dependency's name, and with a path that begins with a slash."],
  [
    "URX",
    "UpstreamRetryLimitExceeded",
    "All retries are used up, or a TCP connection was tried as often as is allowed; each of them failed.",
    "Look at the other flags and the instances: the retries failed for the reason that the first try did.",
  ],
  [
    "NC",
    "NoClusterFound",
    "The route leads to a service that this proxy has no cluster for.",
    "See with legation proxies whether the proxy took its last configuration, and whether the route names the service rightly.",
  ],
  [
    "DT",
    "DurationTimeout",
    "The request or the connection lasted longer than it may: timeouts.stream, or a maximal connection duration.",
    "Raise timeouts.stream where such long streams are meant.",
  ],
  [
    "DC",
    "DownstreamConnectionTermination",
    "The caller itself closed the connection before the response was there.",
    "Look at the caller: it gave up, was cancelled, or has a shorter timeout than the service needs.",
  ],
  [
    "LH",
    "FailedLocalHealthCheck",
    "This proxy fails the health check that is made of it, and answers 503.",
    "The proxy is being drained; ask another instance, or undrain it.",
  ],
  [
    "UT",
    "UpstreamRequestTimeout",
    "The response did not come within timeouts.request, or no try's within timeouts.perTry.",
    "Find out why the instance is slow; raise timeouts.request where so long is right.",
  ],
  [
    "LR",
    "LocalReset",
    "This proxy reset the request: its connection was drained or closed by a change here.",
    "Rare during changes, and tried again where the method allows; if it lasts, see the proxy's log.",
  ],
  [
    "UR",
    "UpstreamRemoteReset",
    "The instance reset the request, without closing the connection.",
    "Look at the application's log: it broke off the answer, or refuses streams.",
  ],
  [
    "UC",
    "UpstreamConnectionTermination",
    "The instance closed the connection while it owed an answer: it crashed, was killed, or closes idle connections too early.",
    "Look for restarts of the instance; keep connections.appIdleTimeout below the application's own keep-alive timeout.",
  ],
  ["DI", "DelayInjected", "A fault of a route made the request wait.", "Take fault.delay out of the rule when the experiment is over."],
  [
    "FI",
    "FaultInjected",
    "A fault of a route answered in place of the service.",
    "Take fault.abort out of the rule when the experiment is over.",
  ],
  ["RL", "RateLimited", "A rate limit refused the request.", "Ask more slowly, or raise the limit."],
  [
    "UAEX",
    "UnauthorizedExternalService",
    "An external authorization service refused the request.",
    "Look at that service's decision. Legation's own refusals have no flag: status 403 and the rule in the response code details.",
  ],
  ["RLSE", "RateLimitServiceError", "The rate limit service failed, and requests are refused then.", "Look at the rate limit service."],
  [
    "IH",
    "InvalidEnvoyRequestHeaders",
    "An x-envoy- header of the request has a value that is not allowed.",
    "Take the header out of the request.",
  ],
  [
    "SI",
    "StreamIdleTimeout",
    "Nobody sent anything for as long as timeouts.idle says, and the request was ended.",
    "Raise timeouts.idle, or let one side send something now and then.",
  ],
  [
    "DPE",
    "DownstreamProtocolError",
    "The caller sent what is no HTTP.",
    "Look at the caller: TLS to a plain text port, a wrong version of HTTP, or a header that is too large.",
  ],
  [
    "UPE",
    "UpstreamProtocolError",
    "The instance answered with what is no HTTP.",
    "See whether its registered protocol is what it speaks: http, http2, grpc or tcp.",
  ],
  [
    "UMSDR",
    "UpstreamMaxStreamDurationReached",
    "The request lasted as long as a stream to the service may.",
    "Raise timeouts.stream, or the deadline of the gRPC call.",
  ],
  ["RFCF", "ResponseFromCacheFilter", "A cache in the proxy answered.", "Nothing: Legation configures no cache; look who did."],
  [
    "NFCF",
    "NoFilterConfigFound",
    "A filter's configuration has not arrived, and requests are refused until it does.",
    "See with legation proxies whether the proxy is connected: the rules of intentions come as such a configuration.",
  ],
  [
    "OM",
    "OverloadManagerTerminated",
    "The proxy is overloaded, in memory or connections, and refused the request.",
    "Give the proxy more memory, or spread the load over more instances.",
  ],
  [
    "DF",
    "DnsResolutionFailed",
    "The host name of the service's instances could not be resolved.",
    "See whether the name is registered rightly, and what the machine's DNS answers.",
  ],
  [
    "DO",
    "DropOverload",
    "The control plane asked proxies to drop a share of the requests.",
    "Legation asks for no such drops; look who serves this proxy.",
  ],
  [
    "UDO",
    "UnconditionalDropOverload",
    "The control plane asked proxies to drop all requests.",
    "Legation asks for no such drops; look who serves this proxy.",
  ],
  [
    "DR",
    "DownstreamRemoteReset",
    "The caller reset the request before the response was there.",
    "Look at the caller: it cancelled the call, or its deadline was over.",
  ],
];

/** All of them, by their short names. */
export const responseFlags: ReadonlyMap<string, ResponseFlag> = new Map(
  rows.map(([flag, name, meaning, action]) => [flag, { flag, name, meaning, action }]),
);

const byName = new Map([...responseFlags.values()].map((one) => [one.name.toLowerCase(), one.flag]));

/** The flags in a text such as `UF,URX` or `UpstreamConnectionFailure`; undefined where a word of it is none. */
export function flagsIn(text: string): readonly string[] | undefined {
  const words = text.split(/[\s,|]+/).filter((word) => word !== "" && word !== "-");
  const flags = words.map((word) => (responseFlags.has(word.toUpperCase()) ? word.toUpperCase() : byName.get(word.toLowerCase())));
  return flags.includes(undefined) ? undefined : flags.flatMap((flag) => flag ?? []);
}
