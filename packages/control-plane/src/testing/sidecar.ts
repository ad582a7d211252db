/** Descriptions of sidecars for tests. */
import type { NodeMetadata } from "@legation/contract";

/** The sidecar of an instance of `service` with these required dependencies, with what `change` says otherwise. */
export function sidecarOf(service: string, dependencies: readonly string[], change: Partial<NodeMetadata> = {}): NodeMetadata {
  return {
    api: 1,
    service,
    kind: "sidecar",
    inbound: "127.0.0.1:20000",
    app: "127.0.0.1:8000",
    outbound: "127.0.0.1:15001",
    protocol: "http",
    dependencies: dependencies.map((name) => ({ name, optional: false })),
    ...change,
  };
}
