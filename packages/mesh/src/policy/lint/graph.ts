/** What is odd along the ways of calls: who calls whom is said by the registrations. */
import type { CatalogService } from "../../catalog/instance.js";
import { metaOf } from "../../catalog/instance.js";
import type { TrafficSettings } from "../traffic/settings.js";
import type { Destination } from "./destination.js";
import { type Finding, finding } from "./finding.js";
import { ms } from "./settings.js";

/** Attempts at the last service for one request to the first, from which on it is called a storm. */
export const stormFrom = 10;
/** Services that a message names at most. */
const named = 5;
/** Calls behind each other that are followed. */
const longest = 50;

/** By service, those that it calls. */
export type Calls = ReadonlyMap<string, readonly string[]>;

/** The services that each service calls, by the dependencies of its instances. */
export function callsOf(services: Iterable<CatalogService>): Calls {
  const known = [...services];
  const names = new Set(known.map(({ name }) => name));
  return new Map(
    known.map(({ name, instances }) => {
      const wanted = instances.flatMap((instance) => metaOf(instance).dependencies.map((dependency) => dependency.name));
      return [name, [...new Set(wanted)].filter((one) => one !== name && names.has(one)).sort()];
    }),
  );
}

/**
 * How many attempts one request to a destination becomes at most while it fails: the first and its retries, or what the retry budget leaves
 * of them under load. A limit in place of the budget does not count: it is one for each caller, whatever the load.
 */
export function attemptsOf({ retries }: Pick<TrafficSettings, "retries">): number {
  const all = 1 + retries.attempts;
  return retries.maxConcurrency === undefined ? Math.min(all, 1 + retries.budgetPercent / 100) : all;
}

/** Chains of calls along which retries multiply to a storm: for each document that can mend it, the worst chain. */
export function stormFindings(calls: Calls, destinations: ReadonlyMap<string, readonly Destination[]>): readonly Finding[] {
  const worst = new Map<string, { readonly attempts: number; readonly destination: Destination | undefined }>();
  for (const [name, all] of destinations)
    for (const destination of all) {
      const attempts = attemptsOf(destination.settings);
      if (attempts > (worst.get(name)?.attempts ?? 0)) worst.set(name, { attempts, destination });
    }
  const chains = new Map<string, Chain>();
  const way = new Set<string>();
  /** The worst chain of calls that begins with one to this service. A call back to one that is on the way is left out. */
  const chainFrom = (name: string): Chain => {
    const known = chains.get(name);
    if (known) return known;
    way.add(name);
    const called = way.size > longest ? [] : (calls.get(name) ?? []);
    const below = called.filter((next) => !way.has(next)).map(chainFrom);
    way.delete(name);
    const most = below.reduce<Chain | undefined>((one, other) => (one && one.attempts >= other.attempts ? one : other), undefined);
    const own = worst.get(name)?.attempts ?? 1;
    const chain = {
      name,
      attempts: own * (most?.attempts ?? 1),
      length: 1 + (most?.length ?? 0),
      heaviest: most && (worst.get(most.heaviest)?.attempts ?? 1) > own ? most.heaviest : name,
      next: most,
    };
    chains.set(name, chain);
    return chain;
  };
  const found = new Map<string, { readonly chain: Chain; readonly finding: Finding }>();
  for (const name of destinations.keys()) {
    const chain = chainFrom(name);
    if (chain.attempts < stormFrom) continue;
    const place = worst.get(chain.heaviest)?.destination?.said("retries.attempts", "retries.maxConcurrency", "retries.budget");
    if (!place) continue;
    const message = `one request through ${wayOf(chain)} becomes ${chain.attempts > 1e6 ? "more than a million" : `up to ${Math.round(chain.attempts)}`} at its end while that fails. Allow fewer attempts, or let a budget of 20% hold (without maxConcurrency)`;
    const next = finding("retry-storm", place, message);
    const key = `${next.document} ${next.path}`;
    if (chain.attempts > (found.get(key)?.chain.attempts ?? 0)) found.set(key, { chain, finding: next });
  }
  return [...found.values()].map((one) => one.finding);
}

interface Chain {
  readonly name: string;
  readonly attempts: number;
  readonly length: number;
  /** The service at which one request becomes most. */
  readonly heaviest: string;
  readonly next: Chain | undefined;
}

function wayOf(chain: Chain): string {
  const names: string[] = [];
  for (let one: Chain | undefined = chain; one && names.length < named; one = one.next) names.push(one.name);
  const left = chain.length - names.length;
  return left > 0 ? `${names.join(" → ")} and ${left} more` : names.join(" → ");
}

/** Requests that may go on after whoever asked for them has given up: one finding for each place. */
export function timeoutFindings(calls: Calls, destinations: ReadonlyMap<string, readonly Destination[]>): readonly Finding[] {
  const callers = new Map<string, string[]>();
  for (const [caller, called] of calls) for (const name of called) callers.set(name, [...(callers.get(name) ?? []), caller]);
  return [...callers].flatMap(([name, all]) => {
    const impatient = all.flatMap((caller) => {
      const own = destinations.get(caller)?.[0];
      return own && own.settings.timeouts.request > 0 ? [{ caller, own, limit: own.settings.timeouts.request }] : [];
    });
    return (destinations.get(name) ?? []).flatMap((destination) => {
      const time = destination.settings.timeouts.request;
      const shorter = impatient.filter(({ limit }) => time === 0 || time > limit);
      const [first] = shorter;
      const fields = ["timeouts.request", "circuitBreaker.timeout"];
      const place = destination.said(...fields) ?? first?.own.said(...fields);
      if (!first || !place) return [];
      const limits = listed(
        shorter.map(({ caller, limit }) => `${caller} (${ms(limit)})`),
        ", ",
      );
      const may = time === 0 ? "has no timeout" : `may take ${ms(time)}`;
      const message = `a request to ${name} ${may}, longer than the requests to its callers on whose behalf it is made: ${limits}. Give ${name} a shorter one, or its callers a longer one`;
      return [finding("timeout-longer-than-callers", place, message)];
    });
  });
}

function listed(names: readonly string[], between: string): string {
  const left = names.length - named;
  return left > 0 ? `${names.slice(0, named).join(between)} and ${left} more` : names.join(between);
}
