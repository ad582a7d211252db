/** What the faults of a route do to a request. */
import { unpackAny } from "@legation/envoy-api";
import type { Route } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { type HTTPFault, HTTPFaultSchema } from "@legation/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import { FractionalPercent_DenominatorType as Denominator, type FractionalPercent } from "@legation/envoy-api/envoy/type/v3/percent";
import { faultFilterName } from "../envoy/fault-filter.js";
import { matchesHeader } from "../routing/header-match.js";
import type { RoutedRequest } from "../routing/request.js";
import { localReply, type Reply } from "./reply.js";

/** What faults may do to a request of a route, for a share of such requests; the shares of all sum to 1. */
export interface FaultOutcome {
  readonly share: number;
  /** Milliseconds; 0 for none. */
  readonly delay: number;
  /** The refusal; undefined where the request goes on. */
  readonly reply?: Reply | undefined;
}

/** None but "goes on" where the route has no faults, or the request is not one of theirs. */
export function faultsOf(route: Route, request: RoutedRequest): readonly FaultOutcome[] {
  const config = route.typedPerFilterConfig[faultFilterName];
  const untouched = [{ share: 1, delay: 0 }];
  if (!config) return untouched;
  const fault = unpackAny(HTTPFaultSchema, config);
  if (!fault.headers.every((matcher) => matchesHeader(matcher, request))) return untouched;
  const delay = delayOf(fault);
  const abort = abortOf(fault, request);
  const delays = [
    { share: delay.share, delay: delay.ms },
    { share: 1 - delay.share, delay: 0 },
  ];
  return delays
    .flatMap((one): FaultOutcome[] => [
      { ...one, share: one.share * abort.share, reply: abort.reply },
      { ...one, share: one.share * (1 - abort.share) },
    ])
    .filter(({ share }) => share > 0);
}

function delayOf({ delay }: HTTPFault): { readonly share: number; readonly ms: number } {
  const how = delay?.faultDelaySecifier;
  if (how?.case !== "fixedDelay") return { share: 0, ms: 0 };
  return { share: fractionOf(delay?.percentage), ms: Number(how.value.seconds) * 1_000 + how.value.nanos / 1e6 };
}

function abortOf({ abort }: HTTPFault, request: RoutedRequest): { readonly share: number; readonly reply?: Reply } {
  const how = abort?.errorType;
  const body = "fault filter abort";
  const share = fractionOf(abort?.percentage);
  if (how?.case === "httpStatus") return { share, reply: localReply(request, how.value, body) };
  // Who made no gRPC call gets Envoy's 200 all the same.
  if (how?.case === "grpcStatus") return { share, reply: localReply(request, 200, body, how.value) };
  return { share: 0 };
}

function fractionOf(fraction: FractionalPercent | undefined): number {
  if (!fraction) return 0;
  const of = { [Denominator.HUNDRED]: 100, [Denominator.TEN_THOUSAND]: 10_000, [Denominator.MILLION]: 1_000_000 }[fraction.denominator];
  return Math.min(1, fraction.numerator / of);
}
