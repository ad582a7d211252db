/** What the outside has been told of each service; says something only when it changed, and never a loss that is not believed. */
import { isDeepStrictEqual } from "node:util";
import {
  applyMassLossGuard,
  type CatalogService,
  type Guarded,
  type GuardLimits,
  type GuardState,
  guardLimits,
  type Instance,
  keyOf,
  releaseHeld,
} from "@legation/mesh";
import type { Clock } from "@legation/runtime";
import type { CatalogEvent } from "./catalog-event.js";

/** Publishes services. */
export interface Publisher {
  /** A service stands like this now; no instance means that it is gone. */
  publish(name: string, instances: readonly Instance[]): void;
  /** The first complete read has succeeded: losses may be told from now on. */
  complete(): void;
  /** Consul has lost its data: for the time of a hold, whatever vanishes is held. */
  distrust(): void;
  /** Gives up what is held for a service, or for all. */
  release(name?: string): void;
  /** Consul is silent: nothing can come back, so the time of what is held stands still until `resume`. */
  pause(): void;
  resume(): void;
  stop(): void;
}

interface Told {
  readonly guard: GuardState;
  readonly service: CatalogService;
  readonly timer?: { cancel(): void };
}

/** Makes a publisher to which `known` counts as told already. */
export function createPublisher(o: {
  known: Iterable<CatalogService>;
  clock: Clock;
  onEvent(event: CatalogEvent): void;
  limits?: GuardLimits;
}): Publisher {
  const { clock, limits = guardLimits } = o;
  const told = new Map<string, Told>();
  const postponed = new Map<string, readonly Instance[]>();
  let isComplete = false;
  let distrustUntil = Number.NEGATIVE_INFINITY;
  let silence = 0;
  let silentSince: number | undefined;
  /** The guard's time, in which Consul's silence does not count; milliseconds. */
  const time = () => (silentSince ?? clock.monotonic()) - silence;

  for (const service of o.known) {
    const present = service.instances.map(({ kept, ...instance }) => instance);
    told.set(service.name, { guard: { present, losses: [] }, service });
  }

  function publish(name: string, instances: readonly Instance[]): void {
    const before = told.get(name);
    const lost = isComplete ? [] : (before?.guard.present ?? []).filter((instance) => !instances.some((i) => keyOf(i) === keyOf(instance)));
    if (lost.length > 0) postponed.set(name, instances);
    else postponed.delete(name);
    const now = time();
    const strict: GuardLimits = { ...limits, share: 0, minimum: 1 };
    const reading = { name, instances: [...instances, ...lost] };
    tell(name, applyMassLossGuard(before?.guard, reading, now, now < distrustUntil ? strict : limits));
  }

  function tell(name: string, guarded: Guarded): void {
    const before = told.get(name);
    before?.timer?.cancel();
    for (const alert of guarded.alerts) o.onEvent({ kind: "alert", alert });
    const { service, state, releaseAt } = guarded;
    if (service.instances.length === 0) told.delete(name);
    else {
      const timer = releaseAt === undefined ? undefined : clock.timeout(Math.max(0, releaseAt - time()), () => expire(name, releaseAt));
      told.set(name, { guard: state, service, ...(timer ? { timer } : {}) });
    }
    if (service.instances.length === 0) {
      if (before && before.service.instances.length > 0) o.onEvent({ kind: "removed", name });
    } else if (!before || !isDeepStrictEqual(before.service, service)) o.onEvent({ kind: "service", service });
  }

  function expire(name: string, releaseAt: number): void {
    const entry = told.get(name);
    if (!entry) return;
    const left = releaseAt - time();
    if (left <= 0) publish(name, entry.guard.present);
    else {
      const inMs = Math.max(left, silentSince === undefined ? 0 : limits.window);
      told.set(name, { ...entry, timer: clock.timeout(inMs, () => expire(name, releaseAt)) });
    }
  }

  return {
    publish,
    complete() {
      isComplete = true;
      for (const [name, instances] of [...postponed]) publish(name, instances);
    },
    distrust() {
      distrustUntil = time() + limits.hold;
    },
    release(name) {
      for (const each of name === undefined ? [...told.keys()] : [name]) {
        const guarded = released(each);
        if (guarded) tell(each, guarded);
      }
    },
    pause() {
      silentSince ??= clock.monotonic();
    },
    resume() {
      silence += clock.monotonic() - (silentSince ?? clock.monotonic());
      silentSince = undefined;
    },
    stop() {
      for (const { timer } of told.values()) timer?.cancel();
      told.clear();
    },
  };

  function released(name: string): Guarded | undefined {
    const entry = told.get(name);
    return entry && releaseHeld(entry.guard, name);
  }
}
