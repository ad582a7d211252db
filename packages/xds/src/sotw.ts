/** The state-of-the-world variant: requests carry the whole subscription, responses of some types the whole state. */
import { type Answer, digest } from "./frame.js";
import { resourceOf } from "./holding.js";
import type { NameList } from "./names.js";
import type { Plan, Source } from "./plan.js";
import type { SotwRequest } from "./request.js";
import type { Resource } from "./resource.js";
import type { Subscription } from "./subscription.js";

const lastNames = new WeakMap<Subscription, NameList>();
const digests = new WeakMap<readonly Resource[], string>();

/** Applies the names of a request. `first` is the first request of this type on the stream. */
export function applySotw(subscription: Subscription, request: SotwRequest, first: boolean): void {
  if (first) subscription.claimedVersion = request.nonce === "" ? request.version : "";
  const last = lastNames.get(subscription);
  if (last && (last === request.names || sameNames(last.names, request.names.names))) return;
  lastNames.set(subscription, request.names);
  if (first && subscription.subscribeAll(request.names)) {
    subscription.hasNamed = true;
    return;
  }
  const wanted = new Set(request.names.names);
  if (wanted.size === 0 && !subscription.hasNamed && subscription.type.legacyWildcard) {
    subscription.enterWildcard();
    return;
  }
  if (wanted.size > 0) subscription.hasNamed = true;
  const wildcard = wanted.delete("*");
  if (wildcard) subscription.enterWildcard();
  for (const name of [...subscription.names]) if (!wanted.has(name)) subscription.unsubscribe(name);
  for (const name of wanted) if (!subscription.names.has(name)) subscription.subscribe(name, true);
  if (!wildcard && subscription.wildcard) subscription.leaveWildcard();
}

/** Settles what a reconnecting client already has: a wildcard of a full-state type with the current version is owed nothing. */
export function resumeSotw(subscription: Subscription, source: Source, version: string | undefined): void {
  const { claimedVersion, type } = subscription;
  subscription.claimedVersion = "";
  if (claimedVersion === "" || !type.fullState || !subscription.wildcard || subscription.names.size > 0) return;
  if ((version ?? digestOf(source.all())) === claimedVersion) subscription.adopt(source.all());
}

/** The response that a plan leads to: of a full-state type everything that the client is to hold then, else what changed. */
export function answerSotw(subscription: Subscription, plan: Plan, source: Source, version: string | undefined): Answer {
  const resources = subscription.type.fullState && !plan.whole ? stateAfter(subscription, plan, source) : plan.set;
  return { variant: "sotw", typeUrl: subscription.type.url, resources, removed: [], version };
}

function stateAfter(subscription: Subscription, plan: Plan, source: Source): readonly Resource[] {
  const state = new Map<string, Resource>();
  for (const [name, held] of subscription.holding.entries()) {
    const resource = resourceOf(held);
    if (resource) state.set(name, resource);
  }
  for (const name of plan.remove) state.delete(name);
  for (const resource of plan.set) state.set(resource.name, resource);
  const all = subscription.wildcard ? source.all() : [];
  if (all.length === state.size && all.every((resource) => state.get(resource.name) === resource)) return all;
  return [...state.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function digestOf(list: readonly Resource[]): string {
  const known = digests.get(list) ?? digest(list);
  digests.set(list, known);
  return known;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
