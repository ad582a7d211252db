/**
 * `health_based`: which share of its weight each instance has now. Changes come together, every ten seconds of the clock, so that no endpoint
 * changes more often, and so that all replicas, which know the same figures, make the same change in the same moment.
 */
import type { ReportedLoad } from "@legation/contract";
import { type CatalogService, healthShares } from "@legation/mesh";
import type { Clock, Timer } from "@legation/runtime";

/** An endpoint changes its share at most once in this time; milliseconds. */
export const shareInterval = 10_000;

/** See the file's sentence. */
export interface Shares {
  /** Per mille by instance key; one that is not in it has all of its weight. Of a service that is new, those of this moment. */
  of(service: CatalogService): ReadonlyMap<string, number>;
  /** Something that the shares of this service depend on is another. */
  touched(service: string): void;
  /** Settles all that waits now, as after a start, and then every `shareInterval`. */
  start(): void;
  stop(): void;
}

const none: ReadonlyMap<string, number> = new Map();

/** Makes it; `changed` is called with the services in which a share has changed. */
export function createShares(o: {
  readonly service: (name: string) => CatalogService | undefined;
  readonly loadOf: (instance: string, service: string) => ReportedLoad | undefined;
  readonly changed: (services: readonly string[]) => void;
  readonly clock: Clock;
}): Shares {
  const current = new Map<string, ReadonlyMap<string, number>>();
  const dirty = new Set<string>();
  /** Those whose shares were settled before. */
  const known = new Set<string>();
  let started = false;
  let timer: Timer | undefined;

  const sharesOf = (service: CatalogService) => healthShares(service, (instance) => o.loadOf(instance, service.name));

  const settle = (): void => {
    const changed: string[] = [];
    for (const name of dirty) {
      // Whoever is asked for the service may ask for its shares: that they are another now is to be told.
      known.add(name);
      const service = o.service(name);
      const shares = service ? sharesOf(service) : none;
      if (!service) known.delete(name);
      if (textOf(shares) === textOf(current.get(name) ?? none)) continue;
      if (shares.size > 0) current.set(name, shares);
      else current.delete(name);
      changed.push(name);
    }
    dirty.clear();
    if (changed.length > 0) o.changed(changed);
  };

  const turn = (): void => {
    timer = o.clock.timeout(shareInterval - (o.clock.now() % shareInterval), () => {
      settle();
      turn();
    });
  };

  return {
    of(service) {
      const { name } = service;
      if (started && !known.has(name)) {
        known.add(name);
        const shares = sharesOf(service);
        if (shares.size > 0) current.set(name, shares);
      }
      return current.get(name) ?? none;
    },
    touched: (service) => void dirty.add(service),
    start() {
      started = true;
      settle();
      turn();
    },
    stop: () => timer?.cancel(),
  };
}

function textOf(shares: ReadonlyMap<string, number>): string {
  return JSON.stringify([...shares].sort());
}
