/** The rules of the destinations that have a proxy with a certificate here: resources of their own, kept up to date one service at a time. */
import type { Protocol } from "@legation/contract";
import {
  type Admission,
  admissionTo,
  type CompiledAuthorization,
  compileAuthorization,
  defaultNamespace,
  type IntentionIndex,
  indexIntentions,
  type KnownIntentions,
  type MeshResource,
  type Problem,
  type ServiceIdentityPolicy,
  type Trust,
  wildcard,
} from "@legation/mesh";
import type { ResourceCache } from "@legation/xds";

/** The layer that holds the rules, which proxies ask for by name. */
export const authorizationLayer = "authorization";

/** The rules. */
export interface AuthorizationRules {
  /** Returns the services whose rules have to be compiled again. */
  set(known: KnownIntentions): Iterable<string>;
  /** Undefined until `set` was called. */
  known(): KnownIntentions | undefined;
  /** A proxy of the service needs its rules. Pay back with `release`. */
  acquire(service: string, protocol: Protocol): void;
  release(service: string, protocol: Protocol): void;
  /** Compiles anew what is acquired of these services, and publishes what differs. */
  compile(services: Iterable<string>): void;
  problems(service: string): readonly Problem[];
  /** Whom the handshakes of an acquired service let in: as `compile` found it last. */
  admission(service: string, protocol: Protocol): Admission;
}

interface Entry {
  users: number;
  readonly protocol: Protocol;
  rules: MeshResource | undefined;
  problems: readonly Problem[];
  admission: Admission;
}

/** Makes it without intentions, over what else is known of identity. */
export function createAuthorizationRules(o: {
  readonly cache: ResourceCache;
  readonly policy: (service: string) => ServiceIdentityPolicy;
  readonly trust: () => Trust | undefined;
}): AuthorizationRules {
  /** By service, and by whether it speaks TCP. */
  const entries = new Map<string, Map<boolean, Entry>>();
  let known: KnownIntentions | undefined;
  let index: IntentionIndex | undefined;
  o.cache.patch(authorizationLayer, {});

  /** Undefined where nobody can be told from others. */
  function compiled(service: string, { protocol }: Entry): (CompiledAuthorization & { admission: Admission }) | undefined {
    const trust = o.trust();
    const { authorization } = o.policy(service);
    const intentions = index?.to({ namespace: defaultNamespace, name: service });
    if (!trust) return undefined;
    const input = { service, protocol, authorization, intentions, byDefault: known?.byDefault, trust };
    return { ...compileAuthorization(input), admission: admissionTo(input) };
  }

  function compile(services: Iterable<string>): void {
    const set: MeshResource[] = [];
    for (const service of services)
      for (const entry of entries.get(service)?.values() ?? []) {
        const next = compiled(service, entry);
        entry.problems = next?.problems ?? [];
        if (next && next.admission !== "unknown") entry.admission = next.admission;
        // What was there stays where nothing better is known: proxies must not lose rules.
        if (!next?.rules || next.rules.version === entry.rules?.version) continue;
        entry.rules = next.rules;
        set.push(next.rules);
      }
    if (set.length > 0) o.cache.patch(authorizationLayer, { set });
  }

  return {
    set(next) {
      const fresh = indexIntentions(next.intentions);
      const changed = fresh.changesSince(index);
      const all = changed.has(wildcard) || next.byDefault !== known?.byDefault || !index;
      known = next;
      index = fresh;
      return [...entries.keys()].filter((service) => all || changed.has(service.toLowerCase()));
    },
    known: () => known,
    acquire(service, protocol) {
      const own = entries.get(service) ?? new Map<boolean, Entry>();
      entries.set(service, own);
      const entry = own.get(protocol === "tcp");
      if (entry) return void entry.users++;
      own.set(protocol === "tcp", { users: 1, protocol, rules: undefined, problems: [], admission: "unknown" });
      compile([service]);
    },
    release(service, protocol) {
      const own = entries.get(service);
      const entry = own?.get(protocol === "tcp");
      if (!own || !entry) return;
      entry.users--;
      if (entry.users > 0) return;
      own.delete(protocol === "tcp");
      if (own.size === 0) entries.delete(service);
      if (entry.rules) o.cache.patch(authorizationLayer, { remove: [entry.rules] });
    },
    compile,
    admission: (service, protocol) => entries.get(service)?.get(protocol === "tcp")?.admission ?? "unknown",
    problems: (service) => [...(entries.get(service)?.values() ?? [])].flatMap(({ problems }) => problems),
  };
}
