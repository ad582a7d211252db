/** One stream as the API shows it, at the control plane that serves it. */
import type { ProxyStream, ProxyTypeView, ProxyVersions } from "@legation/contract/api";
import type { StreamStatus, TypeStatus } from "@legation/xds";
import type { RefusedContent } from "../quarantine/refused-content.js";
import { quarantineView } from "../quarantine/words.js";
import type { ConnectedNode } from "../reconcile/nodes.js";
import { typeWord } from "../telemetry/metrics.js";
import { versionOfClient } from "./client-version.js";
import { policiesBehind } from "./policies-behind.js";
import { versionsHash } from "./versions-hash.js";

/** What is known of a stream beside its status. */
export interface StreamFacts {
  node(stream: number): ConnectedNode | undefined;
  calls(node: string): ProxyStream["calls"];
  /** What is held back from the proxies with one of these layers. */
  quarantined(layers: readonly string[]): readonly RefusedContent[];
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Shows it. */
export function streamRow(status: StreamStatus, facts: StreamFacts): ProxyStream {
  const node = facts.node(status.stream);
  const quarantined = facts.quarantined(node?.layers ?? []);
  const now = facts.now();
  const acknowledgedAt = status.types.flatMap(({ lastAcknowledgedAt }) => lastAcknowledgedAt ?? []);
  const behind = status.types.flatMap(behindSince);
  const ageOf = (moments: readonly number[], pick: (...of: number[]) => number): number | null =>
    moments.length === 0 ? null : Math.max(0, Math.round(now - pick(...moments)));
  return {
    node: status.node,
    service: node?.service ?? null,
    kind: node?.kind ?? null,
    stream: status.stream,
    peer: status.peer,
    variant: status.variant,
    envoy: versionOfClient(status.description),
    openedAt: timeOf(status.openedAt),
    ready: status.ready,
    behindMs: ageOf(behind, Math.min),
    acknowledgedMs: ageOf(acknowledgedAt, Math.max),
    resourcesSent: node?.resourcesSent ?? 0,
    types: status.types.map((type) => typeRow(type, quarantined)),
    problems: node?.problems ?? [],
    calls: node?.kind === "grpc" ? facts.calls(status.node) : {},
    quarantined: quarantined.map(quarantineView),
  };
}

/** The versions of a stream, resource by resource. */
export function versionsOf({ types }: StreamStatus): readonly ProxyVersions[] {
  return types.map(({ typeUrl, sent, acknowledged, absent }) => ({
    type: typeWord(typeUrl),
    typeUrl,
    sent: Object.fromEntries(sent),
    acknowledged: Object.fromEntries(acknowledged),
    absent,
  }));
}

/** Since when it holds something else than it was to hold: it has not answered yet, or has refused. */
function behindSince({ outstandingSince, rejected, lastRejection }: TypeStatus): readonly number[] {
  return [
    ...(outstandingSince === undefined ? [] : [outstandingSince]),
    ...(rejected.length > 0 && lastRejection ? [lastRejection.at] : []),
  ];
}

function typeRow(status: TypeStatus, quarantined: readonly RefusedContent[]): ProxyTypeView {
  const { typeUrl, sent, acknowledged, outstandingSince, lastAcknowledgedAt, rejected, lastRejection } = status;
  let taken = 0;
  for (const [name, version] of sent) if (acknowledged.get(name) === version) taken++;
  return {
    type: typeWord(typeUrl),
    typeUrl,
    sent: sent.size,
    acknowledged: taken,
    version: versionsHash(acknowledged),
    outstandingSince: outstandingSince === undefined ? null : timeOf(outstandingSince),
    lastAcknowledgedAt: lastAcknowledgedAt === undefined ? null : timeOf(lastAcknowledgedAt),
    rejected: rejected.map((one) => ({ ...one, policies: policiesBehind(typeUrl, one, quarantined) })),
    lastRejection: lastRejection ? { ...lastRejection, at: timeOf(lastRejection.at) } : null,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
