/** What a proxy answers by itself: Envoy's local replies, which are others to gRPC callers. */
import type { RoutedRequest } from "../routing/request.js";
import { headerOf } from "../routing/request.js";

/** An answer of a proxy. */
export interface Reply {
  readonly status: number;
  /** The body; of a gRPC call its message. Empty where there is none. */
  readonly body: string;
  readonly grpcStatus?: number;
}

/** True for a gRPC call, as Envoy tells it. */
export function isGrpc(request: RoutedRequest): boolean {
  return /^application\/grpc(?:\+|$)/.test(headerOf(request, "content-type") ?? "");
}

/** The reply to a request; a gRPC caller gets 200 with a code of gRPC, `grpcStatus` or the one that goes with the status. */
export function localReply(request: RoutedRequest, status: number, body: string, grpcStatus?: number): Reply {
  if (!isGrpc(request)) return { status, body };
  return { status: 200, body, grpcStatus: grpcStatus ?? grpcStatusOf(status) };
}

/** The code of gRPC that Envoy gives for a status of HTTP. */
function grpcStatusOf(status: number): number {
  const known: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
  return known[status] ?? 2;
}
