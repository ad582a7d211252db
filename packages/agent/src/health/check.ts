/** One configured check: what is looked at, how often, and how many results make a verdict. */
import type { GrpcTarget } from "./grpc-probe.js";
import type { HttpTarget } from "./http-probe.js";
import type { Rhythm } from "./monitor.js";

/** What a check looks at, by its kind. */
export type CheckTarget =
  | { readonly kind: "http"; readonly http: HttpTarget }
  | { readonly kind: "tcp"; readonly tcp: { readonly host: string; readonly port: number } }
  | { readonly kind: "grpc"; readonly grpc: GrpcTarget }
  | { readonly kind: "command"; readonly argv: readonly string[] };

/** See the file's sentence. */
export interface Check extends Rhythm {
  /** Unique in its service; part of the check's id in Consul. */
  readonly name: string;
  readonly target: CheckTarget;
  /** Failures in a row that make UNHEALTHY. */
  readonly failureThreshold: number;
  /** Successes in a row that make HEALTHY again. */
  readonly recoveryThreshold: number;
}
