/** The proof that this replica's proxies have dropped an instance, or have it again: what each of them has acknowledged. */
import { isIP } from "node:net";
import { instanceKey, type RoutingNotice } from "@legation/contract";
import { addressOf } from "@legation/mesh";
import type { Clock } from "@legation/runtime";
import { type ResourceCache, TypeUrl, type XdsServer } from "@legation/xds";
import { type Nodes, returnTime } from "../reconcile/nodes.js";
import type { Reconciler } from "../reconcile/reconciler.js";

/** Which way an instance goes; `tls`: nowhere, it asks who calls it by mutual TLS. */
export type Direction = "leaving" | "arriving" | "tls";

/** What this replica's proxies hold. */
export interface Proof {
  /** False when the instance is not in the registry (leaving), did not become one that serves (arriving), or does not say that it takes TLS. */
  readonly accepted: boolean;
  readonly subscribers: number;
  /** Nodes that had not acknowledged at the limit. */
  readonly laggards: readonly string[];
  /** Those of them that have no certificate; of `tls` only. */
  readonly withoutCertificate?: readonly string[];
}

type Wanted = Parameters<XdsServer["acknowledged"]>[2];

/** What proofs are made from. */
export interface ProofParts {
  readonly reconciler: Pick<Reconciler, "leave" | "arrive" | "routed" | "service">;
  /** What proxies that follow a canary are given instead; undefined where there is none. */
  readonly canary?: (notice: RoutingNotice) => ReturnType<Reconciler["routed"]> | undefined;
  readonly nodes: Pick<Nodes, "subscribers" | "returning" | "withoutCertificate">;
  readonly cache: Pick<ResourceCache, "onChange">;
  readonly acknowledged: XdsServer["acknowledged"];
  readonly clock: Clock;
}

/**
 * Carries out a notice and waits until each proxy that subscribes to the service has acknowledged it, for `limitMs` at most. Rejects with
 * the signal's reason when it aborts.
 */
export type Prove = (direction: Direction, notice: RoutingNotice, limitMs: number, signal: AbortSignal) => Promise<Proof>;

/** Makes the function; the time of this call counts as the replica's start. */
export function createProve(o: ProofParts): Prove {
  const { clock, reconciler, nodes } = o;
  const startedAt = clock.monotonic();

  async function acknowledged(notice: RoutingNotice, deadline: number, signal: AbortSignal): Promise<string[]> {
    const { service } = notice;
    const limit = { timeoutMs: Math.max(0, deadline - clock.monotonic()), signal };
    const waits = [o.acknowledged(TypeUrl.endpoint, service, assignment(notice), limit)];
    // A service with a host name among its addresses has its endpoints in the cluster, and nobody subscribes to its assignment.
    if (hasHostName(service))
      waits.push(
        o.acknowledged(
          TypeUrl.cluster,
          service,
          oneOf(() => [reconciler.routed(notice), o.canary?.(notice)].flatMap((routed) => routed?.clusters ?? [])),
          limit,
        ),
      );
    return [...new Set((await Promise.all(waits)).flatMap(({ laggards }) => laggards))];
  }

  function hasHostName(service: string): boolean {
    return reconciler.service(service)?.instances.some((instance) => isIP(addressOf(instance).host) === 0) ?? false;
  }

  /** A caller has one of several versions, and what it is given meanwhile is newer than what is waited for. */
  function oneOf(versions: () => readonly string[]): (version: string | undefined) => boolean {
    const now = versions();
    return (version) => version !== undefined && (now.includes(version) || versions().includes(version));
  }

  /** The versions of the endpoints that callers are given: what most have, those of regions, and those of a canary. */
  function assignments(notice: RoutingNotice): readonly string[] {
    const live = reconciler.routed(notice);
    if (live.endpoints === undefined) return [];
    const { endpoints = live.endpoints, regional = [] } = o.canary?.(notice) ?? {};
    return [...new Set([live.endpoints, ...live.regional, endpoints, ...regional])];
  }

  /** The version of the endpoints that is waited for: one, or one of several. */
  function assignment(notice: RoutingNotice): Wanted {
    const [first, ...more] = assignments(notice);
    return more.length === 0 ? first : oneOf(() => assignments(notice));
  }

  /** The same of the cluster by which callers with a certificate call. */
  function mutualCluster(notice: RoutingNotice): Wanted {
    const { mutual } = reconciler.routed(notice);
    const canary = o.canary?.(notice)?.mutual;
    return mutual === undefined || canary === undefined || canary === mutual ? mutual : oneOf(() => [mutual, canary]);
  }

  /**
   * Those that may still call the instance in plain text: they have not acknowledged its endpoint with TLS, or not the cluster that uses it, or
   * they have no certificate, and for these nobody waits.
   */
  async function callersInPlaintext(notice: RoutingNotice, deadline: number, signal: AbortSignal) {
    const { service } = notice;
    for (;;) {
      const limit = () => ({ timeoutMs: Math.min(identityPollMs, Math.max(0, deadline - clock.monotonic())), signal });
      const waits = [
        o.acknowledged(TypeUrl.endpoint, service, assignment(notice), limit()),
        o.acknowledged(TypeUrl.cluster, service, mutualCluster(notice), limit()),
      ];
      const withoutCertificate = nodes.withoutCertificate(service);
      const laggards = new Set([...(await Promise.all(waits)).flatMap((answer) => answer.laggards), ...withoutCertificate]);
      const waitedFor = [...laggards].filter((node) => !withoutCertificate.includes(node));
      if (waitedFor.length === 0 || clock.monotonic() >= deadline) return { laggards: [...laggards], withoutCertificate };
    }
  }

  /** Until no proxy is expected back that may still route by what it held before. */
  async function settled(service: string, deadline: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const back = Math.max(startedAt + returnTime, ...nodes.returning(service));
      const now = clock.monotonic();
      if (back <= now || deadline <= now) return;
      await clock.sleep(Math.min(pollMs, back - now, deadline - now), signal);
    }
  }

  async function serves(notice: RoutingNotice, deadline: number, signal: AbortSignal): Promise<boolean> {
    while (!reconciler.routed(notice).serving) {
      const left = deadline - clock.monotonic();
      if (left <= 0) return false;
      await nextChange(left, signal);
    }
    return true;
  }

  async function takesTls(notice: RoutingNotice, deadline: number, signal: AbortSignal): Promise<boolean> {
    while (!reconciler.routed(notice).takesTls) {
      const left = deadline - clock.monotonic();
      if (left <= 0) return false;
      await nextChange(left, signal);
    }
    return true;
  }

  async function nextChange(limitMs: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController();
    const stop = o.cache.onChange(() => changed.abort());
    try {
      await clock.sleep(limitMs, AbortSignal.any([signal, changed.signal])).catch(() => undefined);
    } finally {
      stop();
    }
    signal.throwIfAborted();
  }

  return async (direction, notice, limitMs, signal) => {
    const deadline = clock.monotonic() + limitMs;
    const { service } = notice;
    if (direction === "tls") {
      const accepted = await takesTls(notice, deadline, signal);
      await settled(service, deadline, signal);
      return { accepted, subscribers: nodes.subscribers(service), ...(await callersInPlaintext(notice, deadline, signal)) };
    }
    let accepted: boolean;
    let laggards: readonly string[];
    if (direction === "leaving") {
      accepted = reconciler.leave(notice);
      do {
        await settled(service, deadline, signal);
        laggards = await acknowledged(notice, deadline, signal);
        // A proxy whose stream ended meanwhile counts as gone only when it has not come back.
      } while (nodes.returning(service).length > 0 && clock.monotonic() < deadline);
    } else {
      reconciler.arrive(notice);
      accepted = await serves(notice, deadline, signal);
      laggards = await acknowledged(notice, deadline, signal);
    }
    return { accepted, subscribers: nodes.subscribers(service), laggards };
  };
}

const pollMs = 50;
/** How long a wait for TLS lasts before it is looked whether only proxies without a certificate are left; milliseconds. */
const identityPollMs = 250;

/** The instance in words, for logs. */
export function nameOf({ node, id }: RoutingNotice): string {
  return instanceKey(node, id);
}
