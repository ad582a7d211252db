/**
 * What proxies refuse is held back alone: its last good version is served in its place, to everybody and to those that start, until a policy
 * or the catalog makes it something else.
 */
import { routesType } from "@legation/mesh";
import { noPolicies, type PolicySet } from "@legation/mesh/policy";
import type { Clock, Logger, Timer } from "@legation/runtime";
import { type Resource, type ResourceCache, type StreamStatus, TypeUrl, type XdsEvent } from "@legation/xds";
import type { Teller } from "../events/events.js";
import { typeWord } from "../telemetry/metrics.js";
import { blamed, blameText, type PolicyBlame, withoutBlamed } from "./blame.js";
import { createGuardedCache, guardedTypes } from "./guarded-cache.js";
import { type Ancestor, createLineage } from "./lineage.js";
import { documentsOf, partKey, type RefusedContent, resourceKey, serviceOf } from "./refused-content.js";
import { createSubstitution, partsOf } from "./substitution.js";
import { suspectsOf } from "./suspects.js";
import { createTrials } from "./trials.js";
import { nameOf, quarantineText, versionText, wordsAbout } from "./words.js";

/** A refusal counts for everybody when nobody has taken the same content by then; milliseconds. */
export const judgementDelay = 300;

/** What proxies were seen to hold counts for so long; what they take meanwhile is told besides. Milliseconds. */
const heldFor = 100;

/** All of it. */
export interface Quarantine {
  /** In place of the cache, for those who fill it. */
  readonly cache: ResourceCache;
  /** The policies in force change: call it before anything is compiled by them. */
  setPolicies(policies: PolicySet): void;
  /** Everything in force is compiled by the policies of the last `setPolicies`. */
  settled(): void;
  /** Follows what proxies take and refuse. */
  take(event: XdsEvent): void;
  /** What is held back and asked for: by the proxies with one of these layers, or by any. */
  list(layers?: readonly string[]): readonly RefusedContent[];
  /**
   * By which policies a proxy of a service that starts now is to be given what is its alone, where those in force have spoilt a listener of that
   * service: its own has other addresses, and so no last good version. Undefined where nothing is held back, or something of `compiled`, which is
   * what the policies in force would give it.
   */
  goodPolicies(service: string, compiled: () => readonly Resource[]): PolicySet | undefined;
  /** Takes what was held back in the last run. */
  restore(contents: readonly RefusedContent[]): void;
  stop(): void;
}

/** What it works with. */
export interface QuarantineOptions {
  readonly cache: ResourceCache;
  readonly streams: () => readonly StreamStatus[];
  readonly events: Teller;
  /** Gets everything that is held back, each time that it changes. */
  readonly save: (contents: readonly RefusedContent[]) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes it, holding nothing back. */
export function createQuarantine(o: QuarantineOptions): Quarantine {
  const substitution = createSubstitution();
  const lineage = createLineage(noPolicies);
  const cache = createGuardedCache(o.cache, substitution, lineage);
  const judging = new Map<string, Timer>();
  let compiled: PolicySet = noPolicies;
  let policies: PolicySet = noPolicies;
  let lastHeld: { readonly typeUrl: string; readonly at: number; readonly versions: ReadonlySet<string> } | undefined;
  const trials = createTrials({ release, isHeld: (content) => substitution.has(content), clock: o.clock });

  function save(): void {
    o.save(substitution.all());
  }

  function release(contents: readonly RefusedContent[]): void {
    for (const content of contents) substitution.remove(content);
    cache.refill(contents);
    save();
  }

  function suspect(resource: Resource, node: string, message: string): void {
    const key = resourceKey(resource);
    if (lineage.isAccepted(resource) || lineage.isRefused(resource) || judging.has(key)) return;
    judging.set(
      key,
      o.clock.timeout(judgementDelay, () => {
        judging.delete(key);
        judge(resource, node, message);
      }),
    );
  }

  function judge(resource: Resource, node: string, message: string): void {
    const held = versionsHeld(resource.typeUrl);
    const same = [...cache.served(resource.typeUrl, resource.name)].filter(({ version }) => version === resource.version);
    if ([resource, ...same].some(lineage.isAccepted) || held.has(`${resource.name} ${resource.version}`)) {
      o.log.warn(
        { event: "resource.refused-alone", node, type: typeWord(resource.typeUrl), name: resource.name, message },
        `others have taken what ${node} refuses: it alone keeps what it had`,
      );
      return;
    }
    let ancestor: Ancestor | undefined;
    for (const one of [resource, ...same]) {
      ancestor ??= lineage.ancestor(one);
      lineage.refuse(one);
    }
    const contents = resource.typeUrl === routesType ? inParts(resource, ancestor, held, node, message) : [];
    hold(contents.length > 0 ? contents : [inWhole(resource, ancestor, node, message)]);
  }

  function inWhole(resource: Resource, ancestor: Ancestor | undefined, node: string, message: string): RefusedContent {
    const { typeUrl, name, version } = resource;
    const service = serviceOf(resource);
    const blame = blameFor(service, ancestor, documentsOf(resource));
    return { typeUrl, name, part: false, version, service, instead: ancestor?.good.bytes ?? null, blame, node, message, at: o.clock.now() };
  }

  function inParts(resource: Resource, ancestor: Ancestor | undefined, held: ReadonlySet<string>, node: string, message: string) {
    const taken = [...cache.served(routesType)].filter((one) => lineage.isAccepted(one) || held.has(`${one.name} ${one.version}`));
    const suspects = suspectsOf(resource, ancestor?.good, taken);
    const contents = suspects.map(({ part, good }): RefusedContent => {
      const { name, version } = part;
      const blame = blameFor(name, good && ancestor, documentsOf(resource));
      const instead = good?.bytes ?? null;
      return { typeUrl: routesType, name, part: true, version, service: name, instead, blame, node, message, at: o.clock.now() };
    });
    return contents.sort((a, b) => Number(b.blame.length > 0) - Number(a.blame.length > 0));
  }

  function blameFor(service: string, ancestor: Ancestor | undefined, documents: readonly string[] | undefined): readonly PolicyBlame[] {
    return blamed(ancestor?.policies ?? noPolicies, policies, service, documents);
  }

  function hold(contents: readonly RefusedContent[]): void {
    trials.refused(contents);
    for (const content of contents) {
      substitution.add(content);
      tell(content, contents.length);
    }
    cache.refill(contents);
    save();
    trials.add(contents);
  }

  function tell(content: RefusedContent, together: number): void {
    const { node, service, message, blame } = content;
    const detail = quarantineText(content);
    const policies = blame.map(blameText);
    o.log.error({ event: "resource.quarantined", node, service, policies, message, suspects: together }, detail);
    o.events.tell({
      ...{ type: "policy.quarantined", severity: "error", service, instance: node, text: detail },
      ...(policies[0] ? { policy: policies[0] } : {}),
      details: { resource: versionText(content), policies, message },
    });
  }

  function accepted(resources: readonly Resource[]): void {
    for (const resource of resources) {
      if (!guardedTypes.has(resource.typeUrl)) continue;
      judging.get(resourceKey(resource))?.cancel();
      judging.delete(resourceKey(resource));
      const parts = new Set([...partsOf(resource).values()].map(partKey));
      trials.accepted((content) => content.part && parts.has(partKey(content)));
      const wrongly = substitution.all().filter((content) => isIn(content, resource, parts));
      if (wrongly.length === 0) continue;
      release(wrongly);
      for (const content of wrongly) {
        const detail = `${nameOf(content)} is served again: a proxy has taken it`;
        o.log.info({ event: "resource.released", service: content.service }, detail);
        const details = { resource: versionText(content) };
        o.events.tell({ type: "policy.released", service: content.service, text: detail, details });
      }
    }
  }

  function isIn(content: RefusedContent, resource: Resource, parts: ReadonlySet<string>): boolean {
    if (content.typeUrl !== resource.typeUrl) return false;
    return content.part ? parts.has(partKey(content)) : content.name === resource.name && content.version === resource.version;
  }

  /** What was refused together is judged together: streams are looked through once for all of it. */
  function versionsHeld(typeUrl: string): ReadonlySet<string> {
    const now = o.clock.monotonic();
    if (lastHeld?.typeUrl === typeUrl && now - lastHeld.at < heldFor) return lastHeld.versions;
    const types = o.streams().flatMap((stream) => stream.types.filter((type) => type.typeUrl === typeUrl));
    const versions = new Set(types.flatMap(({ acknowledged }) => [...acknowledged].map(([name, version]) => `${name} ${version}`)));
    lastHeld = { typeUrl, at: now, versions };
    return versions;
  }

  return {
    cache,
    setPolicies(next) {
      policies = next;
      lineage.setPolicies(compiled, next);
    },
    settled() {
      if (compiled === policies) return;
      compiled = policies;
      lineage.setPolicies(compiled, policies);
    },
    take(event) {
      if (event.kind === "ack" && guardedTypes.has(event.typeUrl)) {
        lineage.accept(event.resources);
        if (substitution.size > 0 || judging.size > 0) accepted(event.resources);
      } else if (event.kind === "nack" && event.isolated && guardedTypes.has(event.typeUrl) && !isLocal(event.message)) {
        for (const resource of event.resources) suspect(resource, event.node, wordsAbout(resource.name, event.message));
      }
    },
    list(layers) {
      if (layers === undefined) return substitution.wanted();
      return [...new Set(layers.flatMap((layer) => substitution.wanted(layer)))];
    },
    goodPolicies(service, compiled) {
      const held = substitution.size === 0 || compiled().some(substitution.holds) ? [] : substitution.all();
      const blame = held.filter((one) => one.typeUrl === TypeUrl.listener && one.service === service).flatMap((one) => one.blame);
      return blame.length > 0 ? withoutBlamed(policies, blame) : undefined;
    },
    restore(contents) {
      for (const content of contents) substitution.add(content);
    },
    stop() {
      trials.stop();
      for (const timer of judging.values()) timer.cancel();
    },
  };
}

/** A proxy that cannot have an address of its own machine says nothing of the resource; it is asked again by itself. */
function isLocal(message: string): boolean {
  return /cannot (bind|listen)|address already in use/i.test(message);
}
