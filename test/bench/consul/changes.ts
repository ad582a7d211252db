/** The changes whose way through Consul is timed. */
import type { Population } from "./population.js";
import type { OnSeen, Seen } from "./watching.js";

/** The kinds of change. */
export const changeKinds = ["check turns critical", "check passes again", "new instance", "changed weight", "vanished service"] as const;
/** One of `changeKinds`. */
export type ChangeKind = (typeof changeKinds)[number];

/** Milliseconds from sending the write to Consul until the watcher says it. */
export type Latencies = Readonly<Record<ChangeKind, number[]>>;

/** A place where what is seen is compared with what is awaited. */
export interface Lookout {
  readonly onSeen: OnSeen;
  /** Resolves with the milliseconds from the start of `act` until the service is seen as wanted; Infinity after ten seconds. */
  time(service: string, wanted: (instances: readonly Seen[]) => boolean, act: () => Promise<void>): Promise<number>;
}

/** Makes a lookout. */
export function createLookout(): Lookout {
  const waiting = new Map<string, { wanted(instances: readonly Seen[]): boolean; found(): void }>();
  return {
    onSeen(service, instances) {
      const one = waiting.get(service);
      if (one?.wanted(instances)) one.found();
    },
    async time(service, wanted, act) {
      let at = Number.POSITIVE_INFINITY;
      let limit: NodeJS.Timeout | undefined;
      const seen = new Promise<void>((resolve) => {
        const found = () => {
          at = performance.now();
          resolve();
        };
        waiting.set(service, { wanted, found });
        limit = setTimeout(resolve, 10_000);
      });
      const start = performance.now();
      await Promise.all([act(), seen]).finally(() => {
        clearTimeout(limit);
        waiting.delete(service);
      });
      return at - start;
    },
  };
}

/** Makes each kind of change `rounds` times, on other services each time, in pauses of chance, and times it; no new round after `limit`. */
export async function timeChanges(o: {
  population: Population;
  lookout: Lookout;
  instances: number;
  rounds: number;
  /** The number of the first service that may be used; each round uses one. */
  first: number;
  /** Milliseconds. */
  limit: number;
  pause: { readonly least: number; readonly most: number };
}): Promise<Latencies> {
  const { population, lookout, instances } = o;
  const latencies = Object.fromEntries(changeKinds.map((kind) => [kind, []])) as unknown as Record<ChangeKind, number[]>;
  const timed = async (kind: ChangeKind, service: string, wanted: (instances: readonly Seen[]) => boolean, act: () => Promise<void>) => {
    await new Promise((resolve) => setTimeout(resolve, o.pause.least + Math.random() * (o.pause.most - o.pause.least)));
    latencies[kind].push(await lookout.time(service, wanted, act));
  };

  const end = performance.now() + o.limit;
  for (let round = 0; round < o.rounds && (round === 0 || performance.now() < end); round++) {
    const service = `s${o.first + round}`;
    const passing = `v${o.first + round}`;
    const critical = (list: readonly Seen[]) => list.some((i) => i.id === `${service}-0` && i.critical);
    await timed("check turns critical", service, critical, () => population.check(service, 0, "critical", "down"));
    await timed(
      "check passes again",
      service,
      (list) => list.length >= instances && !critical(list),
      () => population.check(service, 0, "passing", "alive"),
    );
    await timed(
      "new instance",
      service,
      (list) => list.length === instances + 1,
      () => population.register(service, instances),
    );
    const weight = 2 + round;
    await timed(
      "changed weight",
      service,
      (list) => list.some((i) => i.id === `${service}-1` && i.weight === weight),
      () => population.register(service, 1, weight),
    );
    await lookout.time(
      passing,
      (list) => list.length === 1,
      () => population.register(passing, 0),
    );
    await timed(
      "vanished service",
      passing,
      (list) => list.length === 0,
      () => population.deregister(passing, 0),
    );
  }
  return latencies;
}
