/** What each stream asked for, was sent, took and refused: the record that people and CSDS read. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Variant } from "./frame.js";
import { absent, versionOf } from "./holding.js";
import type { Stream } from "./stream.js";
import type { Subscription } from "./subscription.js";

/** The state of one type on one stream. Times are milliseconds since the epoch. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  /** Names that were asked for one by one. */
  readonly names: readonly string[];
  /** Names that were asked for and do not exist. */
  readonly absent: readonly string[];
  /** A response waits for its answer since this time. */
  readonly outstandingSince?: number;
  readonly lastSentAt?: number;
  readonly lastAcknowledgedAt?: number;
  /** The versions that the client has acknowledged, by name. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** The versions that it was sent last, by name; differs from `acknowledged` while an answer is outstanding. */
  readonly sent: ReadonlyMap<string, string>;
  /** What is held back because the client refused it. */
  readonly rejected: readonly RejectedStatus[];
  /** The last refusal, also after it was overcome. */
  readonly lastRejection?: { readonly message: string; readonly names: readonly string[]; readonly at: number };
}

/** One resource that is held back. */
export interface RejectedStatus {
  readonly name: string;
  readonly version: string;
  readonly message: string;
  readonly attempts: number;
  readonly provenance?: unknown;
}

/** The state of one stream. */
export interface StreamStatus {
  readonly stream: number;
  readonly node: string;
  /** As the first request described it, without the list of extensions; undefined before it came. */
  readonly description: Node | undefined;
  readonly peer: string;
  readonly variant: Variant;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  /** False while there is no state for this node, or no more: it keeps what it has. */
  readonly ready: boolean;
  /** The layer that is waited for, if it is that. */
  readonly missingLayer?: string;
  readonly types: readonly TypeStatus[];
}

/** A copy of what is known of a stream now. */
export function statusOf(stream: Stream): StreamStatus {
  const missingLayer = stream.ready ? undefined : stream.view?.missing;
  return {
    stream: stream.id,
    node: stream.nodeId,
    description: stream.node,
    peer: stream.peer,
    variant: stream.variant,
    openedAt: stream.openedAt,
    ready: stream.ready,
    ...(missingLayer === undefined ? {} : { missingLayer }),
    types: stream.subscriptions.map(typeStatus),
  };
}

function typeStatus(subscription: Subscription): TypeStatus {
  const acknowledged = new Map<string, string>();
  const sent = new Map<string, string>();
  for (const [name, held] of subscription.holding.entries()) {
    const version = versionOf(held);
    if (version === undefined) continue;
    sent.set(name, version);
    const taken = versionOf(subscription.acknowledged(name));
    if (taken !== undefined) acknowledged.set(name, taken);
  }
  const { outstanding, lastSentAt, lastAcknowledgedAt, lastRejection } = subscription;
  return {
    typeUrl: subscription.type.url,
    wildcard: subscription.wildcard,
    names: [...subscription.names],
    absent: [...subscription.names].filter((name) => subscription.holding.get(name) === absent),
    ...(outstanding && lastSentAt !== undefined ? { outstandingSince: lastSentAt } : {}),
    ...(lastSentAt === undefined ? {} : { lastSentAt }),
    ...(lastAcknowledgedAt === undefined ? {} : { lastAcknowledgedAt }),
    acknowledged,
    sent,
    rejected: [...subscription.rejections.values()].map(({ resource, message, attempts }) => ({
      name: resource.name,
      version: resource.version,
      message,
      attempts,
      ...(resource.provenance === undefined ? {} : { provenance: resource.provenance }),
    })),
    ...(lastRejection ? { lastRejection } : {}),
  };
}
