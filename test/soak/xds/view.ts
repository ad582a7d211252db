/** What a client holds, built up from the responses that it took: versions by type and name, computed from the bytes themselves. */
import { fromBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { contentVersion, TypeUrl } from "@legation/xds";
import type { Versions } from "./state.js";

/** A response of either variant, read. */
export interface Response {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly set: ReadonlyMap<string, string>;
  readonly removed: readonly string[];
}

/** Reads a response. All types that the soak uses have their name in field 1. */
export function readResponse(delta: boolean, bytes: Uint8Array): Response {
  if (delta) {
    const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    const set = new Map(response.resources.map(({ name, resource }) => [name, contentVersion(resource?.value ?? new Uint8Array())]));
    return { typeUrl: response.typeUrl, nonce: response.nonce, version: "", set, removed: response.removedResources };
  }
  const { typeUrl, nonce, versionInfo, resources } = fromBinary(DiscoveryResponseSchema, bytes);
  return {
    typeUrl,
    nonce,
    version: versionInfo,
    set: new Map(resources.map(({ value }) => [firstString(value), contentVersion(value)])),
    removed: [],
  };
}

function firstString(message: Uint8Array): string {
  return Buffer.from(message.subarray(2, 2 + (message[1] ?? 0))).toString();
}

/** One client's view. */
export class ClientView {
  readonly #held = new Map<string, Map<string, string>>();

  /** Takes a response that the client accepts. `whole`: what is not in it is gone. */
  apply({ typeUrl, set, removed }: Response, whole: boolean): void {
    const held = whole ? new Map<string, string>() : this.of(typeUrl);
    for (const [name, version] of set) held.set(name, version);
    for (const name of removed) held.delete(name);
    this.#held.set(typeUrl, held);
  }

  /** Forgets what is no longer asked for. */
  keep(typeUrl: string, names: ReadonlySet<string>): void {
    const held = this.of(typeUrl);
    for (const name of [...held.keys()]) if (!names.has(name)) held.delete(name);
  }

  /** Versions by name. */
  of(typeUrl: string): Map<string, string> {
    const held = this.#held.get(typeUrl) ?? new Map<string, string>();
    this.#held.set(typeUrl, held);
    return held;
  }

  /** What differs from what it should hold; undefined when nothing does. */
  difference(wanted: Versions): string | undefined {
    for (const typeUrl of [TypeUrl.cluster, TypeUrl.endpoint, TypeUrl.listener, TypeUrl.route]) {
      const held = this.of(typeUrl);
      const expected = Object.entries(wanted[typeUrl] ?? {});
      const kind = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
      for (const [name, version] of expected)
        if (held.get(name) !== version) return `${kind} ${name} is ${held.get(name)} and should be ${version}`;
      if (held.size > expected.length) return `${held.size} of ${kind} are held, ${expected.length} exist`;
    }
    return undefined;
  }
}
