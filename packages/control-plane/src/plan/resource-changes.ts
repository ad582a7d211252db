/** What differs between what proxies get and what they would get, each distinct difference once. */

import type { JsonValue } from "@bufbuild/protobuf";
import type { ResourceChange } from "@legation/contract/api";
import { decode, registry, toJson } from "@legation/envoy-api";
import type { Resource } from "@legation/xds";
import { typeWord } from "../telemetry/metrics.js";

/** The differences, in the order of types and names. */
export interface ResourceChanges {
  /** Takes what one proxy gets now and would get. Returns true when that differs. */
  add(node: string, before: ReadonlyMap<string, Resource>, after: ReadonlyMap<string, Resource>): boolean;
  list(): readonly ResourceChange[];
}

interface Difference {
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
  readonly proxies: Set<string>;
}

/** Makes an empty collection. */
export function createResourceChanges(): ResourceChanges {
  const found = new Map<string, Difference>();
  return {
    add(node, before, after) {
      let differs = false;
      for (const key of new Set([...before.keys(), ...after.keys()])) {
        const [old, now] = [before.get(key), after.get(key)];
        if (old?.version === now?.version) continue;
        differs = true;
        const id = `${key} ${old?.version ?? ""} ${now?.version ?? ""}`;
        const known = found.get(id) ?? { before: old, after: now, proxies: new Set() };
        known.proxies.add(node);
        found.set(id, known);
      }
      return differs;
    },
    list() {
      const ordered = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
      return ordered.map(([, { before, after, proxies }]) => ({
        type: typeWord((before ?? after)?.typeUrl ?? ""),
        typeUrl: (before ?? after)?.typeUrl ?? "",
        name: (before ?? after)?.name ?? "",
        from: before?.version ?? null,
        to: after?.version ?? null,
        before: before ? resourceJson(before) : null,
        after: after ? resourceJson(after) : null,
        proxies: [...proxies].sort(),
      }));
    },
  };
}

/** The resource as JSON. */
export function resourceJson({ typeUrl, bytes }: Resource): JsonValue {
  const schema = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  if (!schema) throw new TypeError(`no message type ${typeUrl} is known`);
  return toJson(schema, decode(typeUrl, bytes));
}
