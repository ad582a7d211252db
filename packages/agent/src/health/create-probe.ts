/** From a check's target to the probe of its kind. */
import type { CheckTarget } from "./check.js";
import { createCommandProbe, type Surroundings } from "./command-probe.js";
import { createGrpcProbe } from "./grpc-probe.js";
import { createHttpProbe } from "./http-probe.js";
import type { Probe } from "./probe.js";
import { createTcpProbe } from "./tcp-probe.js";

/** Creates the probe; `surroundings` are a command's. Throws Node's error when a CA file cannot be read. */
export function createProbe(target: CheckTarget, surroundings: Surroundings): Probe {
  switch (target.kind) {
    case "http":
      return createHttpProbe(target.http);
    case "tcp":
      return createTcpProbe(target.tcp);
    case "grpc":
      return createGrpcProbe(target.grpc);
    case "command":
      return createCommandProbe(target.argv, surroundings);
  }
}
