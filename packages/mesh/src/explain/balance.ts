/** How Envoy shares out requests among hosts: priorities, panic and zones, as its load balancers do it. */

/** One host of a cluster, as the caller's Envoy knows it. */
export interface BalancedHost {
  /** 1 or more. */
  readonly weight: number;
  readonly health: "healthy" | "degraded" | "unhealthy";
  /** It drains: Envoy leaves it out of what it counts, and tries it only with all others. */
  readonly draining: boolean;
  readonly priority: number;
  /** Equal for hosts in one region and zone. */
  readonly locality: string;
}

/** How the cluster balances. */
export interface Balancing {
  /** Percent of healthy hosts below which all are tried. */
  readonly panicThreshold: number;
  /** Percent; 140 is Envoy's own. */
  readonly overprovisioning: number;
  /** Requests are hashed: no zones, and degraded hosts are not on the ring. */
  readonly hashing: boolean;
  /** Zone aware routing: where the caller is, and how many instances of its own service serve in each locality. Undefined: off. */
  readonly zones?: { readonly own: string; readonly callers: ReadonlyMap<string, number> } | undefined;
}

/** Who gets how much. */
export interface Balance {
  /** By the place of the host, from 0 to 1: what a random request finds. */
  readonly shares: readonly number[];
  /** The share for which no host is found. */
  readonly nobody: number;
  /** By priority: percent of the requests, and whether all hosts are tried there. */
  readonly levels: readonly { readonly load: number; readonly panic: boolean }[];
  /** Zone aware routing keeps requests in the caller's zone, or as many as its instances there can take; undefined where it is not at work. */
  readonly zone?: number | undefined;
}

interface Level {
  /** With those that drain. */
  readonly all: number;
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Percent, with overprovisioning. */
  readonly health: number;
  readonly degradation: number;
}

/** Shares out: the same as Envoy 1.40 does, in its whole percents. */
export function balance(hosts: readonly BalancedHost[], how: Balancing): Balance {
  const count = Math.max(0, ...hosts.map(({ priority }) => priority)) + 1;
  const levels = Array.from({ length: count }, (_, priority) => levelOf(hosts, priority, how.overprovisioning));
  const { healthy, degraded, panic } = loadsOf(levels, how.panicThreshold);
  const shares = hosts.map(() => 0);
  let nobody = 0;
  let zone: number | undefined;
  const give = (load: number, taken: readonly (readonly [place: number, part: number])[]) => {
    if (load === 0) return;
    for (const [place, part] of taken) shares[place] = (shares[place] ?? 0) + (load / 100) * part;
    nobody += (load / 100) * (1 - taken.reduce((sum, [, part]) => sum + part, 0));
  };
  for (const priority of levels.keys()) {
    const [well, poor] = [healthy[priority] ?? 0, degraded[priority] ?? 0];
    const among = (fits: (host: BalancedHost) => boolean) => byWeight(hosts, (host) => host.priority === priority && fits(host));
    if (panic[priority]) {
      give(
        well + poor,
        among(() => true),
      );
      continue;
    }
    const routing = priority === 0 && !how.hashing ? zoneRouting(hosts, how) : undefined;
    if (routing && well + poor > 0) zone = routing.get(how.zones?.own ?? "") ?? 0;
    for (const [load, health] of [[well, "healthy"] as const, [poor, how.hashing ? "healthy" : "degraded"] as const]) {
      if (!routing)
        give(
          load,
          among((host) => host.health === health),
        );
      else
        for (const [locality, part] of routing)
          give(
            load * part,
            among((host) => host.health === health && host.locality === locality),
          );
    }
  }
  const told = levels.map((_, i) => ({ load: (healthy[i] ?? 0) + (degraded[i] ?? 0), panic: panic[i] ?? false }));
  return { shares, nobody: Math.max(0, nobody < 1e-12 ? 0 : nobody), levels: told, ...(zone === undefined ? {} : { zone }) };
}

function levelOf(hosts: readonly BalancedHost[], priority: number, factor: number): Level {
  const all = hosts.filter((host) => host.priority === priority);
  const own = all.filter(({ draining }) => !draining);
  const healthy = own.filter(({ health }) => health === "healthy").length;
  const degraded = own.filter(({ health }) => health === "degraded").length;
  const percent = (n: number) => (own.length === 0 ? 0 : Math.min(100, Math.floor((factor * n) / own.length)));
  return { all: all.length, hosts: own.length, healthy, degraded, health: percent(healthy), degradation: percent(degraded) };
}

function loadsOf(levels: readonly Level[], threshold: number) {
  const sum = (of: (level: Level) => number) => levels.reduce((total, level) => total + of(level), 0);
  const available = Math.min(100, sum(({ health }) => health) + sum(({ degradation }) => degradation));
  const none = levels.map(() => 0);
  if (threshold === 0 && available === 0)
    return { healthy: none.map((_, i) => (i === 0 ? 100 : 0)), degraded: none, panic: levels.map(() => false) };
  const ratio = (n: number, of: number) => (of === 0 ? 0 : (100 * n) / of);
  const panic = levels.map(({ hosts, healthy, degraded }) => available < 100 && ratio(healthy, hosts) + ratio(degraded, hosts) < threshold);
  if (panic.every(Boolean)) return { healthy: inTotalPanic(levels), degraded: none, panic };
  const share = (load: number, of: (level: Level) => number) => {
    let left = load;
    const loads = levels.map((level) => {
      const taken = Math.min(left, Math.floor((of(level) * 100) / available));
      left -= taken;
      return taken;
    });
    return { loads, left, first: levels.findIndex((level) => of(level) > 0) };
  };
  const well = share(100, ({ health }) => health);
  const poor = share(well.left, ({ degradation }) => degradation);
  const [target, first] = well.first >= 0 ? [well.loads, well.first] : [poor.loads, poor.first];
  if (first >= 0) target[first] = (target[first] ?? 0) + poor.left;
  return { healthy: well.loads, degraded: poor.loads, panic };
}

/** By the number of hosts, whatever their health. */
function inTotalPanic(levels: readonly Level[]): number[] {
  const hosts = levels.reduce((sum, { all }) => sum + all, 0);
  if (hosts === 0) return levels.map((_, i) => (i === 0 ? 100 : 0));
  const loads = levels.map(({ all }) => Math.floor((100 * all) / hosts));
  const first = levels.findIndex(({ all }) => all > 0);
  loads[first] = (loads[first] ?? 0) + 100 - loads.reduce((sum, load) => sum + load, 0);
  return loads;
}

function byWeight(hosts: readonly BalancedHost[], fits: (host: BalancedHost) => boolean): readonly (readonly [number, number])[] {
  const chosen = [...hosts.entries()].filter(([, host]) => fits(host));
  const total = chosen.reduce((sum, [, { weight }]) => sum + weight, 0);
  return chosen.map(([place, { weight }]) => [place, weight / total] as const);
}

/** Of the first priority: which share goes to which locality. Undefined where zones are not looked at. */
function zoneRouting(hosts: readonly BalancedHost[], { zones }: Balancing): ReadonlyMap<string, number> | undefined {
  const first = hosts.filter(({ priority }) => priority === 0);
  const localities = [...new Set(first.map(({ locality }) => locality))];
  if (!zones || localities.length < 2 || zones.callers.size < 2 || !zones.callers.get(zones.own)) return undefined;
  const healthy = first.filter(({ health }) => health === "healthy");
  if (healthy.length === 0) return undefined;
  const callers = [...zones.callers.values()].reduce((sum, n) => sum + n, 0);
  const upstream = (locality: string) =>
    Math.floor((10_000 * healthy.filter((host) => host.locality === locality).length) / healthy.length);
  const local = (locality: string) => Math.floor((10_000 * (zones.callers.get(locality) ?? 0)) / callers);
  const has = localities.includes(zones.own);
  if (has && upstream(zones.own) > 0 && upstream(zones.own) >= local(zones.own)) return new Map([[zones.own, 1]]);
  const kept = has ? Math.min(1, Math.floor((upstream(zones.own) * 10_000) / local(zones.own)) / 10_000) : 0;
  const rest = localities.filter((locality) => locality !== zones.own);
  const spare = rest.map((locality) => Math.max(0, upstream(locality) - local(locality)));
  const total = spare.reduce((sum, n) => sum + n, 0);
  const parts = new Map(has ? [[zones.own, kept]] : []);
  // Nobody has any to spare: Envoy draws one of all.
  const drawn = (1 - kept) / localities.length;
  if (total === 0) return new Map(localities.map((locality) => [locality, (parts.get(locality) ?? 0) + drawn]));
  for (const [i, locality] of rest.entries()) parts.set(locality, ((1 - kept) * (spare[i] ?? 0)) / total);
  return parts;
}
