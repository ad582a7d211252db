/** The changes that are about the whole mesh: policies, whose certificates count, and what agents say of instances that come and go. */
import { instanceKey, type RoutingNotice } from "@legation/contract";
import type { Trust } from "@legation/mesh";
import { type Change, changeId, shortened } from "./change.js";

/** A bundle of policies, as far as the ledger looks at it. */
export interface KnownBundle {
  readonly id: string;
  readonly manifest: { readonly version: number; readonly author: string; readonly reason: string; readonly at: string };
}

/** Other policies came into force. `stored` when they come from Consul, where versions count on: those of files are each replica's own. */
export function policyChange(before: KnownBundle | undefined, now: KnownBundle, stored: boolean): Change {
  const { version, author, reason } = now.manifest;
  const hash = now.id.slice(0, 8);
  const what = stored ? `policies, version ${version} by ${author || "nobody named"}` : `policies in ${author}`;
  return {
    id: changeId("policy", undefined, stored ? `${version}-${hash}` : hash),
    kind: "policy",
    what: shortened(reason ? `${what}: ${reason}` : what),
    items: stored ? [{ name: "policies", after: before?.manifest.version ?? 0, index: version }] : [],
  };
}

/** Consul's CA signs by another root. Proxies read roots from files that their agents write, so that nothing is sent. */
export function rootChange(id: string): Change {
  return {
    id: changeId("certificate", undefined, `root-${shortRoot(id)}`),
    kind: "certificate",
    what: "another root signs certificates",
    items: [],
  };
}

/** Certificates of another trust domain or data centre count. */
export function trustChange(trust: Trust | undefined): Change {
  const what = trust ? `certificates of ${trust.trustDomain} count, in ${trust.datacenter}` : "no certificates count";
  const mark = trust ? `trust-${trust.trustDomain.slice(0, 8)}-${trust.datacenter}` : "trust-none";
  return { id: changeId("certificate", undefined, mark), kind: "certificate", what: shortened(what), items: [] };
}

/** An agent says that its instance leaves, or comes back. `registered` is Consul's index of its registration. */
export function noticeChange(direction: "leaving" | "arriving", { service, node, id }: RoutingNotice, registered: number): Change {
  const key = instanceKey(node, id);
  const what = direction === "leaving" ? `${key} says that it leaves` : `${key} says that it takes requests`;
  return {
    id: changeId("health", service, `${key}@${registered}-${direction}`),
    kind: "health",
    service,
    what: shortened(what),
    items: [],
  };
}

/** Consul names roots by their fingerprint, with colons. */
function shortRoot(id: string): string {
  return id.replaceAll(":", "").slice(0, 12);
}
