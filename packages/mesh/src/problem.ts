/** What is wrong in a catalog or a node's description, in words for the person who can mend it. */

/** Stable names of the problems, for programs. */
export type ProblemCode =
  | "service-name"
  | "service-protocols"
  | "service-wish"
  | "subset-empty"
  | "health-check-protocol"
  | "service-uncompilable"
  | "route-subset"
  | "route-tcp"
  | "route-target"
  | "instance-address"
  | "duplicate-address"
  | "duplicate-id"
  | "dependency-name"
  | "dependency-self"
  | "dependency-twice"
  | "dependency-unknown"
  | "dependency-tcp"
  | "dependency-port"
  | "grpc-unsupported"
  | "tcp-unsupported"
  | "node-address"
  | "gateway-unserved"
  | "authorization"
  | "identity-untrusted"
  | "instance-without-tls"
  | "node-without-certificate"
  | "caller-without-certificate";

/** A flaw that is worked around: everything else is compiled as if it were not there. `message` says what to do. */
export interface Problem {
  readonly code: ProblemCode;
  /** The service that has to be mended. */
  readonly service: string;
  readonly message: string;
}
