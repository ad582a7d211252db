/** What an Envoy holds by its own config dump, as its agent answers the command `envoy-config`: names and versions, no contents. */

/** Words for the types of resources that an Envoy is configured with. */
export const configTypes = ["cluster", "endpoints", "listener", "routes", "extension", "secret"] as const;
/** One of `configTypes`. */
export type ConfigType = (typeof configTypes)[number];

/**
 * `active`: in use. `warming`: taken, and waits for what it needs before it is used. `draining`: in use until its connections have ended.
 * `failed`: Envoy could not put it into effect.
 */
export const heldStates = ["active", "warming", "draining", "failed"] as const;
/** One of `heldStates`. */
export type HeldState = (typeof heldStates)[number];

/** One resource in one version. */
export interface HeldResource {
  readonly name: string;
  /** As the control plane named it; of endpoints their `endpointMark`. */
  readonly version: string;
  /** Absent for `active`. */
  readonly state?: Exclude<HeldState, "active">;
  /** Since when it is warming, draining, or has failed; RFC 3339. */
  readonly since?: string;
  /** Why it failed, in Envoy's words; at most `heldMessageLength` characters. */
  readonly message?: string;
}

/** Of a failed resource's message, characters. */
export const heldMessageLength = 300;

/** The dynamic resources of one Envoy. */
export interface EnvoyConfig {
  /** Of Envoy, as `1.40.0`. */
  readonly envoy: string;
  /** An Envoy that has handed over to this one has not ended yet. */
  readonly parent: boolean;
  /** The first `heldResources` of all types together. */
  readonly held: Readonly<Record<ConfigType, readonly HeldResource[]>>;
  /** How many are left out beyond these. */
  readonly leftOut: number;
}

/** Resources in an EnvoyConfig, at most: with names of usual length they fit into one answer. */
export const heldResources = 25_000;

/** `host:port` of an endpoint, one way to write it for both sides. */
export function endpointAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host.toLowerCase()}]:${port}` : `${host}:${port}`;
}

/** A mark of a set of addresses, equal where the sets are: how many, and a hash of 53 bits (cyrb53). The order does not matter. */
export function endpointMark(addresses: Iterable<string>): string {
  const distinct = [...new Set(addresses)].sort();
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const address of distinct)
    for (const character of `${address} `) {
      const code = character.codePointAt(0) ?? 0;
      a = Math.imul(a ^ code, 2654435761);
      b = Math.imul(b ^ code, 1597334677);
    }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return `${distinct.length}:${(4294967296 * (2097151 & b) + (a >>> 0)).toString(16)}`;
}

/** How many addresses a mark stands for. */
export function markedCount(mark: string): number {
  return Number(mark.split(":")[0]);
}
