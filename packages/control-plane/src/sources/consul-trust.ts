/** Whose certificates count in this mesh, as Consul's CA says it. */
import { type CaRoots, type Consul, ConsulError, caBackoff, readyRoots, watch } from "@legation/consul";
import type { Trust } from "@legation/mesh";
import { type Clock, codeOf, createBackoff, type Logger, messageOf, type Timer } from "@legation/runtime";
import { consulService } from "./consul-identity.js";

/** How long the first answer is waited for; then the mesh is served without TLS until there is one. Milliseconds. */
export const firstTrustWait = 10_000;

/** The source. */
export interface TrustSource {
  start(): void;
  stop(): void;
}

interface ServerRow {
  readonly Datacenter?: string;
}

/**
 * Makes the source. `onTrust` is called with the first answer and with each other one; with undefined where Connect was never on, and once
 * when there is no answer in time. With `known`, which the last run knew, only what differs from it is told. What Consul said stays true while it does not answer, and when
 * it says that Connect is off: else a mesh which asks for TLS would go back to plain text.
 */
export function createTrustSource(o: {
  readonly consul: Pick<Consul, "get">;
  readonly onTrust: (trust: Trust | undefined) => void;
  /** Called with the root that signs, by Consul's name of it, with each answer. */
  readonly onRoot?: (id: string) => void;
  readonly known?: { readonly trust: Trust | undefined };
  readonly clock: Clock;
  readonly log: Logger;
}): TrustSource {
  const { consul, clock, log } = o;
  const stopping = new AbortController();
  let told = o.known?.trust;
  let answered = o.known !== undefined;
  let datacenter: string | undefined;
  let complaint: string | undefined;
  let wait: Timer | undefined;

  function tell(trust: Trust | undefined): void {
    wait?.cancel();
    if (answered && trust?.trustDomain === told?.trustDomain && trust?.datacenter === told?.datacenter) return;
    answered = true;
    told = trust;
    o.onTrust(trust);
  }

  async function ownDatacenter(): Promise<string> {
    const { data } = await consul.get<readonly ServerRow[]>(`/catalog/service/${consulService}`, { signal: stopping.signal });
    const found = data.find((row) => row.Datacenter)?.Datacenter;
    if (!found)
      throw new ConsulError(
        "consul.bad-answer",
        "Consul lists none of its own servers, which say the data centre that is part of every identity.",
      );
    return found;
  }

  function complain(error: unknown): void {
    const why = messageOf(error);
    if (why === complaint) return;
    complaint = why;
    if (codeOf(error) === "consul.no-connect")
      log.info(
        { event: "trust.none", why },
        `${told ? "whose certificates count stays as it was" : "there is no TLS in this mesh"}: ${why}`,
      );
    else log.warn({ event: "trust.unknown", code: codeOf(error), why }, `Consul's CA does not say whose certificates count: ${why}`);
  }

  return {
    start() {
      if (!answered) wait = clock.timeout(firstTrustWait, () => tell(undefined));
      watch<CaRoots>(
        consul,
        { path: "/connect/ca/roots" },
        {
          async onValue(roots) {
            const { trustDomain } = readyRoots(roots);
            datacenter ??= await ownDatacenter();
            if (stopping.signal.aborted) return;
            const trust = { trustDomain, datacenter };
            if (complaint !== undefined || !answered)
              log.info({ event: "trust.known", ...trust }, `certificates of ${trust.trustDomain} count, for services in ${datacenter}`);
            complaint = undefined;
            tell(trust);
            o.onRoot?.(roots.ActiveRootID);
          },
          onError(error) {
            complain(error);
            if (codeOf(error) === "consul.no-connect" && told === undefined) tell(undefined);
          },
          signal: stopping.signal,
          clock,
          backoff: createBackoff(caBackoff),
        },
      );
    },
    stop() {
      wait?.cancel();
      stopping.abort(new Error("the control plane stops"));
    },
  };
}
