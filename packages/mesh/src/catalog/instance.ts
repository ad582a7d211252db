/** What Consul says, as values: services, their instances and the checks of these. */
import { decodeMeta, instanceKey, type RegistrationMeta } from "@legation/contract";

/** Consul's three check states; maintenance is a critical check with an ID of its own. */
export type CheckStatus = "passing" | "warning" | "critical";

/** One health check of an instance or of its Consul node. */
export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly output: string;
}

/** One registration of a service. `node` and `id` together identify it; `id` alone is unique per Consul node only. */
export interface Instance {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** `Service.Address`, or `Node.Address` where that is empty: an IP address or a host name. */
  readonly address: string;
  readonly port: number;
  /** `TaggedAddresses.mesh`: the inbound address of the instance's Envoy, which callers in the mesh use. */
  readonly mesh?: { readonly address: string; readonly port: number };
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Consul's `Weights`: shares of load while passing and while warning. */
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly checks: readonly Check[];
  /** False until all checks have been seen passing (or warning) once. */
  readonly everPassed: boolean;
  /** A leaving notice came before Consul said so. */
  readonly leaving?: boolean;
  /** What is left of its weight under `health_based`, per mille; all of it without. */
  readonly share?: number;
  /** Gone from the registry, and held by the mass-loss guard. */
  readonly kept?: boolean;
}

/** A service by its name in Consul, with all of its instances in any order. */
export interface CatalogService {
  readonly name: string;
  readonly instances: readonly Instance[];
}

/** The order of instances wherever order shows: by node, then by ID, by code unit. */
export function byIdentity(a: Instance, b: Instance): number {
  return compareText(a.node, b.node) || compareText(a.id, b.id);
}

/** Orders text by code unit, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The identity of an instance, wherever it is named: its Consul node and its ID. */
export function keyOf(instance: Instance): string {
  return instanceKey(instance.node, instance.id);
}

const decoded = new WeakMap<Instance["meta"], RegistrationMeta>();

/** What an instance's `meta` says; read once for as long as the same object is used, since every compilation asks several times. */
export function metaOf(instance: Instance): RegistrationMeta {
  let meta = decoded.get(instance.meta);
  if (!meta) {
    meta = decodeMeta(instance.meta);
    decoded.set(instance.meta, meta);
  }
  return meta;
}
