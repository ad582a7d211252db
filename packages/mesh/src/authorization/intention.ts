/** Who may call whom, as Consul's intentions say it, and which of several intentions holds. */

/** What becomes of a call. */
export type Verdict = "allow" | "deny";

/** A service, or all services of a namespace (`name` is `*`), or all services (`namespace` too). */
export interface ServiceMatch {
  /** `default` in Consul's community edition. */
  readonly namespace: string;
  readonly name: string;
}

/** How a word is compared. `regex` is RE2, of the whole word. */
export interface TextMatch {
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  readonly value: string;
}

/** What a header must be. Several headers of one name are one, joined by commas. */
export interface HeaderMatch {
  readonly name: string;
  /** `present`: any value will do. */
  readonly value: "present" | TextMatch;
  /** Does not hold for a `regex`, as in Envoy. */
  readonly ignoreCase: boolean;
  /** The opposite; a header that is missing then matches only for `present`, as in Envoy. */
  readonly invert: boolean;
}

/** A rule for some requests: all of `path`, `headers` and one of `methods` must match; what is left out matches everything. */
export interface Permission {
  readonly action: Verdict;
  /** Compared with the path without its query. */
  readonly path?: TextMatch;
  readonly headers: readonly HeaderMatch[];
  /** In capitals; none means any. */
  readonly methods: readonly string[];
}

/** One intention. */
export interface Intention {
  readonly source: ServiceMatch;
  readonly destination: ServiceMatch;
  /** For every request alike, or the first permission that matches; a request that none matches gets the default. */
  readonly rule: Verdict | readonly Permission[];
  /** Why it cannot be carried out as it was written. It denies everything then. */
  readonly flaw?: string;
}

/** Stands for every name. */
export const wildcard = "*";

/** The only namespace of Consul's community edition. */
export const defaultNamespace = "default";

/** `web=>orders`, with the namespace before a name when it is not the default one. No blanks, because Envoy replaces them. */
export function intentionName({ source, destination }: Pick<Intention, "source" | "destination">): string {
  return `${serviceName(source)}=>${serviceName(destination)}`;
}

function serviceName({ namespace, name }: ServiceMatch): string {
  return namespace === defaultNamespace ? name : `${namespace}/${name}`;
}

/** True when `match` includes all that `service` names; upper and lower case differ, as in certificates. */
export function covers(match: ServiceMatch, service: ServiceMatch): boolean {
  const namespace = match.namespace === wildcard || match.namespace === service.namespace;
  return namespace && (match.name === wildcard || match.name === service.name);
}

/** Whether an intention for `match` speaks of calls to `service`. Consul finds destinations without regard to case, as host names are. */
export function speaksOf(match: ServiceMatch, { namespace, name }: ServiceMatch): boolean {
  return covers({ ...match, name: match.name.toLowerCase() }, { namespace, name: name.toLowerCase() });
}

/** Consul's precedence, 9 to 1: the destination counts before the source, and an exact name before a wildcard. */
export function precedence({ source, destination }: Pick<Intention, "source" | "destination">): number {
  return 3 * exactness(destination) + exactness(source) + 1;
}

function exactness({ namespace, name }: ServiceMatch): number {
  if (namespace === wildcard) return 0;
  return name === wildcard ? 1 : 2;
}

/**
 * The intentions that can hold for calls to `destination`, in the order in which they are asked; one whose callers are all told by an earlier
 * one is left out, so that the first that covers a caller is the one that holds.
 */
export function intentionsTo(destination: ServiceMatch, intentions: Iterable<Intention>): readonly Intention[] {
  const order = [...intentions].filter((intention) => speaksOf(intention.destination, destination)).sort(byPrecedence);
  const asked: Intention[] = [];
  for (const intention of order) if (!asked.some(({ source }) => covers(source, intention.source))) asked.push(intention);
  return asked;
}

/** Flawed ones go first among equals: they deny. */
function byPrecedence(a: Intention, b: Intention): number {
  return precedence(b) - precedence(a) || Number(b.flaw !== undefined) - Number(a.flaw !== undefined) || compareNames(a, b);
}

function compareNames(a: Intention, b: Intention): number {
  const [one, other] = [intentionName(a), intentionName(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What the intention does with every request, or the permissions that tell. */
export function effectOf({ rule, flaw }: Intention): Intention["rule"] {
  return flaw === undefined ? rule : "deny";
}
