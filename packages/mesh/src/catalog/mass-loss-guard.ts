/** Holds endpoints that vanish from the registry in a crowd: that is how a registry fails, not how services stop. */
import { addressOf } from "./address.js";
import { endpointOf, isServing } from "./endpoint.js";
import { byIdentity, type CatalogService, type Instance, keyOf } from "./instance.js";

/** When the guard steps in, and for how long; times in milliseconds. */
export interface GuardLimits {
  /** More than this part of the endpoints, 0 to 1. */
  readonly share: number;
  /** Services with fewer endpoints are not guarded. 1 guards all, for a registry that is known to have lost its data. */
  readonly minimum: number;
  /** Losses this close together count as one. */
  readonly window: number;
  /** The longest that a vanished endpoint is kept. */
  readonly hold: number;
}

/** DESIGN §4: more than half of three or more within 5 s are kept for up to 60 s. */
export const guardLimits: GuardLimits = { share: 0.5, minimum: 3, window: 5_000, hold: 60_000 };

/** An endpoint that vanished while it took requests. */
interface Loss {
  readonly instance: Instance;
  readonly at: number;
  readonly held: boolean;
}

/** What the guard remembers of a service between two readings: plain data, to be passed back unchanged. */
export interface GuardState {
  readonly present: readonly Instance[];
  readonly losses: readonly Loss[];
}

/** Something that operators must hear of. */
export interface GuardAlert {
  /** `held`: endpoints are being kept. `released`: endpoints that were kept are given up, after `hold` or by command. */
  readonly kind: "held" | "released";
  readonly service: string;
  readonly message: string;
}

/** A reading as the guard lets it through. */
export interface Guarded {
  readonly state: GuardState;
  /** The reading, with the held instances marked `kept`. */
  readonly service: CatalogService;
  readonly held: readonly Instance[];
  /** When to ask again although nothing was read, in the clock of `now`; undefined while nothing is held. */
  readonly releaseAt: number | undefined;
  readonly alerts: readonly GuardAlert[];
}

/**
 * Takes the next reading of a service. Held are only endpoints that took requests when they were last seen and whose address nobody
 * has taken since: checks that turn critical, drains and instances replaced in place pass at once. While some are held, whatever
 * vanishes besides is held too. `previous` is undefined at the first reading, of which nothing can be missing.
 */
export function applyMassLossGuard(
  previous: GuardState | undefined,
  next: CatalogService,
  now: number,
  limits: GuardLimits = guardLimits,
): Guarded {
  const before = lossesOf(previous, next, now);
  const remembered = before.filter((loss) => now < loss.at + (loss.held ? limits.hold : limits.window));
  const serving = next.instances.filter((instance) => isServing(endpointOf(instance))).length;
  const recent = remembered.filter((loss) => now < loss.at + limits.window).length;
  const total = serving + remembered.length;
  const holding = remembered.some((loss) => loss.held) || (total >= limits.minimum && recent > total * limits.share);
  const losses = remembered.map((loss) => ({ ...loss, held: holding }));

  const newlyHeld = losses.filter((loss, i) => loss.held && !remembered[i]?.held);
  const released = before.filter((loss) => loss.held && !remembered.includes(loss));
  const alerts: GuardAlert[] = [];
  if (newlyHeld.length > 0) {
    const until = `for up to ${limits.hold / 1000} s or until released`;
    alerts.push(
      alert("held", next.name, newlyHeld, `of ${total} endpoints vanished from the registry without draining, and stay in use ${until}`),
    );
  }
  if (released.length > 0)
    alerts.push(alert("released", next.name, released, "did not come back to the registry in time, and are given up"));
  return guarded(next, losses, alerts, limits.hold);
}

/** Gives up what is held, by an operator's command. `undefined` when nothing is held. */
export function releaseHeld(state: GuardState, name: string): Guarded | undefined {
  const held = state.losses.filter((loss) => loss.held);
  if (held.length === 0) return undefined;
  return guarded({ name, instances: state.present }, [], [alert("released", name, held, "are given up by command")], 0);
}

function lossesOf(previous: GuardState | undefined, next: CatalogService, now: number): Loss[] {
  if (!previous) return [];
  const keys = new Set(next.instances.map(keyOf));
  const addresses = new Set(next.instances.map(placeOf));
  const gone = (instance: Instance) => !keys.has(keyOf(instance)) && !addresses.has(placeOf(instance));
  const fresh = previous.present.filter((instance) => gone(instance) && isServing(endpointOf(instance)));
  return [...previous.losses.filter((loss) => gone(loss.instance)), ...fresh.map((instance) => ({ instance, at: now, held: false }))];
}

function guarded(next: CatalogService, losses: readonly Loss[], alerts: readonly GuardAlert[], hold: number): Guarded {
  const held = losses.filter((loss) => loss.held);
  const kept = held.map(({ instance }) => ({ ...instance, kept: true })).sort(byIdentity);
  return {
    state: { present: next.instances, losses },
    service: kept.length === 0 ? next : { name: next.name, instances: [...next.instances, ...kept] },
    held: kept,
    releaseAt: held.length === 0 ? undefined : Math.min(...held.map((loss) => loss.at + hold)),
    alerts,
  };
}

function alert(kind: GuardAlert["kind"], service: string, losses: readonly Loss[], what: string): GuardAlert {
  const names = losses.map((loss) => keyOf(loss.instance)).sort();
  return { kind, service, message: `${service}: ${names.length} ${what}: ${names.join(", ")}` };
}

function placeOf(instance: Instance): string {
  const { host, port } = addressOf(instance);
  return `${host} ${port}`;
}
