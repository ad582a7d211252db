/** The filter by which a caller's Envoy puts faults into requests, and what a route asks of it. */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@legation/envoy-api";
import { FaultDelaySchema } from "@legation/envoy-api/envoy/extensions/filters/common/fault/v3/fault";
import {
  type FaultAbort,
  FaultAbortSchema,
  type HTTPFault,
  HTTPFaultSchema,
} from "@legation/envoy-api/envoy/extensions/filters/http/fault/v3/fault";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "@legation/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
  FractionalPercentSchema,
} from "@legation/envoy-api/envoy/type/v3/percent";
import type { Fault } from "../policy/route/fault.js";
import { duration } from "./primitives.js";
import { headerMatcher } from "./routes/request-match.js";

/** The name of the filter, under which routes say what they ask of it. */
export const faultFilterName = "envoy.filters.http.fault";

/** The filter, which stands in every outbound listener and is not made for a request whose route asks nothing of it. */
export function faultFilter(): HttpFilter {
  return create(HttpFilterSchema, {
    name: faultFilterName,
    configType: { case: "typedConfig", value: packAny(HTTPFaultSchema, create(HTTPFaultSchema)) },
    disabled: true,
  });
}

/** What a route asks of the filter. */
export function routeFault(fault: Fault | undefined): Record<string, Any> {
  return fault ? { [faultFilterName]: packAny(HTTPFaultSchema, httpFault(fault)) } : {};
}

function httpFault({ delay, abort, headers }: Fault): HTTPFault {
  return create(HTTPFaultSchema, {
    ...(delay ? { delay: create(FaultDelaySchema, delayOf(delay)) } : {}),
    ...(abort ? { abort: faultAbort(abort) } : {}),
    headers: headers.map(headerMatcher),
  });
}

function delayOf({ duration: ms, share }: NonNullable<Fault["delay"]>) {
  return { faultDelaySecifier: { case: "fixedDelay", value: duration(ms) }, percentage: fraction(share) } as const;
}

function faultAbort({ kind, status, share }: NonNullable<Fault["abort"]>): FaultAbort {
  const errorType: FaultAbort["errorType"] =
    kind === "http" ? { case: "httpStatus", value: status } : { case: "grpcStatus", value: status };
  return create(FaultAbortSchema, { errorType, percentage: fraction(share) });
}

/** A share in percent with at most four decimals, exactly. */
export function fraction(percent: number): FractionalPercent {
  return create(FractionalPercentSchema, { numerator: Math.round(percent * 10_000), denominator: Denominator.MILLION });
}
