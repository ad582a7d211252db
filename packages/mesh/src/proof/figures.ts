/** What a test counts of an Envoy: how its counters grow, and what it thinks of each endpoint. */
import type { RunningEnvoy } from "./envoy.js";

/** How much counters of a cluster, by the end of their names, have grown since this was made. */
export interface Growth {
  of(counter: string): Promise<number>;
}

/** Begins to count. */
export async function growth(envoy: RunningEnvoy, cluster = "orders"): Promise<Growth> {
  const before = await envoy.stats();
  return {
    async of(counter) {
      const name = `cluster.${cluster}.${counter}`;
      return ((await envoy.stats()).get(name) ?? 0) - (before.get(name) ?? 0);
    },
  };
}

/** The health flags of a cluster's endpoints, by their ports: `healthy`, or such as `/failed_outlier_check`. */
export async function healthFlags(envoy: RunningEnvoy, cluster = "orders"): Promise<ReadonlyMap<number, string>> {
  const lines = (await envoy.admin("/clusters")).split("\n");
  const found = lines.flatMap((line) => {
    const [, name, port, flags] = /^(.+)::127\.0\.0\.1:(\d+)::health_flags::(.*)$/.exec(line) ?? [];
    return name === cluster ? ([[Number(port), flags ?? ""]] as const) : [];
  });
  return new Map(found);
}

/** Waits until something holds, and returns how many milliseconds that took. Throws after `limit` seconds, in words. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 20): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < 1_000 * limit) {
    if (await holds()) return performance.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`after ${limit} s it is not so that ${what}`);
}
