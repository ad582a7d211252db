/** What a control plane learns from Consul, and the file that keeps it for a start without Consul. */
import type { Consul } from "@legation/consul";
import type { Clock, Lifecycle, Logger } from "@legation/runtime";
import type { ControlPlaneConfig } from "../config.js";
import type { EventSetup } from "../events/setup.js";
import type { SourceLedger } from "../ledger/source-ledger.js";
import { createFeed, type Feed } from "../reconcile/feed.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { SavedCatalog } from "../state/catalog-document.js";
import { createCatalogFile } from "../state/catalog-file.js";
import type { CatalogSource } from "./catalog-event.js";
import { createConsulCatalog } from "./consul-catalog.js";
import { createIntentionSource, type IntentionSource, knownIntentions } from "./consul-intentions.js";
import { createTrustSource } from "./consul-trust.js";

/** The sources of the registry, of the roots and of the intentions. */
export interface Sources {
  readonly feed: Feed;
  readonly catalog: CatalogSource;
  readonly intentions: IntentionSource;
  /** Begins to ask Consul. */
  start(): void;
}

/** Makes them over what the last run has saved, each ended with the process. `refresh` has proxies looked at again. */
export function createSources(o: {
  readonly config: ControlPlaneConfig;
  readonly consul: Consul;
  readonly saved: SavedCatalog | undefined;
  /** Of the file. */
  readonly path: string;
  readonly reconciler: Reconciler;
  readonly events: Pick<EventSetup, "registry" | "intentions" | "restore">;
  readonly ledger: SourceLedger;
  readonly refresh: () => void;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Logger;
}): Sources {
  const { config, consul, saved, reconciler, ledger, lifecycle, refresh, clock, log } = o;
  const file = createCatalogFile({
    path: o.path,
    current() {
      const { answeredAt } = feed.status();
      if (answeredAt === undefined) return undefined;
      const { datacenter } = config;
      const [trust, services] = [reconciler.trust(), reconciler.services()];
      return { answeredAt, datacenter, servers: catalog.servers(), trust, intentions: intentions.said(), services };
    },
    clock,
    log,
  });
  lifecycle.onStop("last good catalog", 5_000, () => file.stop());
  const feed = createFeed({
    ...{ reconciler: ledger.registry(reconciler), events: o.events.registry, clock, log },
    changed: () => file.changed(),
    served: refresh,
    lastAnswerAt: () => catalog.status().lastAnswerAt,
  });
  lifecycle.onStop("feed", 1_000, () => feed.stop());
  const catalog: CatalogSource = createConsulCatalog({
    ...{ consul, clock, log },
    onEvent(event) {
      feed.take(event);
      if (event.kind === "complete") ledger.complete();
    },
    ...(saved ? { known: { services: saved.services, servers: saved.servers } } : {}),
  });
  lifecycle.onStop("catalog source", 1_000, () => catalog.stop());
  const trust = createTrustSource({
    ...{ consul, clock, log },
    onTrust(known) {
      ledger.trust(known, () => reconciler.setTrust(known));
      file.changed();
    },
    onRoot: ledger.root,
    ...(saved ? { known: { trust: saved.trust } } : {}),
  });
  lifecycle.onStop("trust source", 1_000, () => trust.stop());
  const intentions: IntentionSource = createIntentionSource({
    ...{ consul, clock, log },
    byDefault: config.defaultIntention,
    known: saved?.intentions,
    onIntentions(known) {
      ledger.intentions(intentions.said(), saved?.intentions, () => reconciler.setIntentions(known));
      o.events.intentions(known);
      file.changed();
    },
    onSettled: refresh,
  });
  lifecycle.onStop("intention source", 1_000, () => intentions.stop());
  if (saved?.intentions) {
    const known = knownIntentions(saved.intentions, config.defaultIntention);
    reconciler.setIntentions(known);
    o.events.intentions(known);
  }
  if (saved) {
    o.events.restore(saved.services);
    feed.restore(saved);
    ledger.began();
  }
  return {
    feed,
    catalog,
    intentions,
    start() {
      catalog.start();
      trust.start();
      intentions.start();
    },
  };
}
