/** Takes what the source tells into the reconciler, and remembers how old it is. */
import { controlPlaneService } from "@legation/contract";
import type { Clock, Logger } from "@legation/runtime";
import type { CatalogOrigin } from "../api/health.js";
import type { CatalogEvent } from "../sources/index.js";
import type { SavedCatalog } from "../state/catalog-document.js";
import type { Changes } from "./changes.js";
import type { Reconciler } from "./reconciler.js";

/** What the served state rests on. */
export interface FeedStatus {
  readonly origin: CatalogOrigin;
  /** When Consul last confirmed the served state; milliseconds since the epoch. */
  readonly answeredAt: number | undefined;
  /** Why Consul does not answer; undefined while it does. */
  readonly error: string | undefined;
}

/** The way from the source to the reconciler. */
export interface Feed {
  /** Serves the state of the last run. Call it before the source starts. */
  restore(saved: SavedCatalog): void;
  /** Takes one event of the source. */
  take(event: CatalogEvent): void;
  status(): FeedStatus;
}

/**
 * Makes the way. `changed` is called when something happened that is worth writing to disk, `served` once there is a state to serve, and
 * `lastAnswerAt` tells when the source last heard of Consul.
 */
export function createFeed(o: {
  readonly reconciler: Pick<Reconciler, "set" | "remove" | "flush">;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changed: () => void;
  readonly served: () => void;
  readonly lastAnswerAt: () => number | undefined;
}): Feed {
  const { reconciler, changes, clock, log } = o;
  let origin: CatalogOrigin = "none";
  let savedAt: number | undefined;
  let error: string | undefined;

  return {
    restore(saved) {
      for (const service of saved.services) reconciler.set(service);
      reconciler.flush();
      origin = "disk";
      savedAt = saved.answeredAt;
      const age = Math.round((clock.now() - saved.answeredAt) / 1_000);
      const found = { services: saved.services.length, age };
      log.info(
        { event: "state.restored", ...found },
        `serving ${found.services} services of the last run, ${age} s old, until Consul answers`,
      );
    },
    take(event) {
      switch (event.kind) {
        case "service":
          // Control planes find each other in the registry; they are no service of the mesh.
          if (event.service.name !== controlPlaneService) reconciler.set(event.service);
          break;
        case "removed":
          reconciler.remove(event.name);
          break;
        case "complete": {
          log.info({ event: "consul.complete" }, "everything that Consul lists has been read");
          changes.add({ event: "registry-complete" });
          reconciler.flush();
          const first = origin === "none";
          origin = "consul";
          if (first) o.served();
          break;
        }
        case "lost":
          error = event.error.message;
          log.warn({ event: "consul.lost", err: event.error }, `${error} The last good state is served until then.`);
          changes.add({ event: "registry-lost", detail: error });
          return;
        case "restored":
          error = undefined;
          log.info({ event: "consul.restored" }, "Consul answers again");
          changes.add({ event: "registry-restored" });
          break;
        case "alert": {
          const { kind, service, message } = event.alert;
          log.warn({ event: `registry.${kind}`, service }, message);
          changes.add({ event: `instances-${kind}`, service, detail: message });
          break;
        }
      }
      o.changed();
    },
    status: () => ({ origin, answeredAt: origin === "consul" ? o.lastAnswerAt() : savedAt, error }),
  };
}
