/** Takes what the source tells into the reconciler, and remembers how old it is. */
import { controlPlaneService } from "@legation/contract";
import type { CatalogOrigin } from "@legation/contract/api";
import { type Clock, codeOf, type Logger, messageOf, type Timer } from "@legation/runtime";
import type { RegistryEvents } from "../events/registry-events.js";
import type { CatalogEvent } from "../sources/catalog-event.js";
import type { SavedCatalog } from "../state/catalog-document.js";
import type { Reconciler } from "./reconciler.js";

/** What the served state rests on. */
export interface FeedStatus {
  readonly origin: CatalogOrigin;
  /** Whether proxies are told of the state; false while it may be older than what they hold already. */
  readonly served: boolean;
  /** When Consul last confirmed the served state; milliseconds since the epoch. */
  readonly answeredAt: number | undefined;
  /** Why Consul does not answer; undefined while it does. */
  readonly error: string | undefined;
}

/**
 * How long the state of the last run waits for a complete read of Consul; milliseconds. What is on disk may lack the last second before a
 * kill, and a proxy must not be sent back to a moment that it has already left: it would call instances that have gone since. A Consul that
 * is known to be away ends the wait, so that it is only this long where Consul answers and this machine, or Consul, is slow.
 */
export const freshStateWait = 30_000;

/** The way from the source to the reconciler. */
export interface Feed {
  /** Takes the state of the last run, and serves it when Consul does not answer in time. Call it before the source starts. */
  restore(saved: SavedCatalog): void;
  /** Takes one event of the source. */
  take(event: CatalogEvent): void;
  status(): FeedStatus;
  /** Ends the wait. */
  stop(): void;
}

/**
 * Makes the way. `changed` is called when something happened that is worth writing to disk, `served` once there is a state to serve, and
 * `lastAnswerAt` tells when the source last heard of Consul.
 */
export function createFeed(o: {
  readonly reconciler: Pick<Reconciler, "set" | "remove" | "flush">;
  readonly events: Pick<RegistryEvents, "take">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changed: () => void;
  readonly served: () => void;
  readonly lastAnswerAt: () => number | undefined;
}): Feed {
  const { reconciler, events, clock, log } = o;
  let origin: CatalogOrigin = "none";
  let savedAt: number | undefined;
  let served = false;
  let wait: Timer | undefined;
  let sawService = false;
  let isComplete = false;
  let error: string | undefined;

  /** Consul lists itself for everybody who may read; a complete read of nothing is no state to take a proxy's endpoints for. */
  function serve(): void {
    if (!isComplete || origin === "consul") return;
    if (!sawService && origin === "none") {
      error = 'Consul lists no service at all, not even itself: the token lacks service_prefix "" { policy = "read" }.';
      log.warn({ event: "consul.empty", why: error }, `${error} Proxies wait for a first answer.`);
      return;
    }
    origin = "consul";
    error = undefined;
    tellProxies();
  }

  /** From now on proxies see the state; they are told once, whatever it rests on. */
  function tellProxies(): void {
    wait?.cancel();
    reconciler.flush();
    if (served) return;
    served = true;
    o.served();
  }

  return {
    restore(saved) {
      for (const service of saved.services) reconciler.set(service);
      origin = "disk";
      wait = clock.timeout(freshStateWait, tellProxies);
      savedAt = saved.answeredAt;
      const age = Math.round((clock.now() - saved.answeredAt) / 1_000);
      const found = { services: saved.services.length, age };
      log.info(
        { event: "state.restored", ...found },
        `${found.services} services of the last run, ${age} s old, are served until Consul answers`,
      );
    },
    take(event) {
      events.take(event);
      switch (event.kind) {
        case "service":
          // Control planes find each other in the registry; they are no service of the mesh.
          if (event.service.name !== controlPlaneService) reconciler.set(event.service);
          sawService = true;
          serve();
          break;
        case "removed":
          reconciler.remove(event.name);
          break;
        case "complete":
          isComplete = true;
          log.info({ event: "consul.complete" }, "everything that Consul lists has been read");
          serve();
          break;
        case "lost": {
          error = messageOf(event.error);
          const meanwhile = origin === "none" ? "Proxies wait for a first answer." : "The last good state is served until it answers.";
          log.warn({ event: "consul.lost", code: codeOf(event.error), why: error }, `${error} ${meanwhile}`);
          if (origin === "disk") tellProxies();
          return;
        }
        case "restored":
          error = undefined;
          log.info({ event: "consul.restored" }, "Consul answers again");
          break;
        case "alert": {
          const { kind, service, message } = event.alert;
          log.warn({ event: `registry.${kind}`, service }, message);
          break;
        }
      }
      o.changed();
    },
    status: () => ({ origin, served, answeredAt: origin === "consul" ? o.lastAnswerAt() : savedAt, error }),
    stop: () => wait?.cancel(),
  };
}
