/** What an explanation is made from: a caller's proxy, what it is given, and what is known of the mesh. */
import type { NodeMetadata, ReportedBreaker } from "@legation/contract";
import type { KnownIntentions } from "../authorization/known-intentions.js";
import type { CatalogService } from "../catalog/instance.js";
import type { ServiceIdentityPolicy } from "../policy/identity/identity.js";
import type { IdentityDocument } from "../policy/identity/identity-document.js";
import type { Trust } from "../policy/identity/trust.js";
import type { TrafficPolicies } from "../policy/traffic/traffic-policies.js";
import type { MeshResource } from "../resource.js";

/** A proxy that sends requests. */
export interface CallingProxy {
  readonly node: NodeMetadata;
  /** `<Consul node>/<service id>`. */
  readonly instance: string;
  readonly region: string;
  readonly zone: string;
}

/** The mesh as one caller's proxy has it. */
export interface ExplainedWorld {
  readonly caller: CallingProxy;
  /** What the proxy is given. */
  resource(typeUrl: string, name: string): Pick<MeshResource, "bytes"> | undefined;
  service(name: string): CatalogService | undefined;
  readonly traffic: TrafficPolicies;
  /** Undefined while policies are not known. */
  identity(service: string): ServiceIdentityPolicy | undefined;
  /** The documents that say it. */
  readonly identityDocuments: readonly IdentityDocument[];
  readonly trust: Trust | undefined;
  readonly intentions: KnownIntentions | undefined;
  /** What the proxy's agent says of its breakers towards a service: those that are not closed. */
  breakers(service: string): readonly ReportedBreaker[];
  /** Since when a check of an instance is as it is, RFC 3339; undefined where nobody saw it change. */
  since(instance: string, check: string): string | undefined;
}
