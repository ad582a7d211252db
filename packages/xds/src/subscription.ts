/** One stream's interest in one type: what it asked for, what it holds, what it was sent and what it refused. */
import type { Frame, Variant } from "./frame.js";
import { absent, type Held, Holding, resourceOf, versionOf } from "./holding.js";
import { type NameList, NameSet } from "./names.js";
import type { InterestListener, Outstanding, Plan, Refusal, Source } from "./plan.js";
import { culprits, type RefusedRemoval, type Rejection, type RetryTimes, reject, rejectRemoval } from "./rejection.js";
import { type Resource, sameContent } from "./resource.js";
import { Settlement } from "./settlement.js";
import type { ResourceType } from "./type.js";

/** The model that both protocol variants use. It knows no bytes and no nonces but those it is given. */
export class Subscription {
  /** Names that were asked for one by one. */
  readonly names = new NameSet();
  readonly holding = new Holding();
  readonly settlement = new Settlement();
  readonly rejections = new Map<string, Rejection>();
  readonly #refusedRemovals = new Map<string, RefusedRemoval>();
  wildcard = false;
  /** The version that a client brought along from an earlier stream; state of the world only. */
  claimedVersion = "";
  /** The client has named something on this stream, so that an empty list is no legacy wildcard any more. */
  hasNamed = false;
  /** A first answer was given, or was not owed. */
  answered = false;
  outstanding: Outstanding | undefined;
  /** The serial of the last frame, 0 before the first. */
  lastSerial = 0;
  lastNonce = "";
  /** Since when the order of types has kept additions and removals back; monotonic milliseconds. */
  readonly blockedSince: { additions: number | undefined; removals: number | undefined } = { additions: undefined, removals: undefined };
  lastRejection: { readonly message: string; readonly names: readonly string[]; readonly at: number } | undefined;
  /** Wall-clock milliseconds. */
  lastSentAt: number | undefined;
  lastAcknowledgedAt: number | undefined;
  /** The version that the last acknowledged response had. */
  acknowledgedVersion = "";
  #dirty = new Set<string>();
  #all = false;
  /** All names are owed, and nothing but the shared list of names was asked for. */
  #bulk = false;
  readonly #forced = new Set<string>();
  /** Parts of a refused response, tried one after the other. */
  #parts: (readonly string[])[] = [];

  constructor(
    readonly type: ResourceType,
    readonly variant: Variant,
    private readonly listener: InterestListener,
  ) {}

  /** True when something may have to be sent. */
  get dirty(): boolean {
    return this.#all || this.#bulk || this.#dirty.size > 0 || this.#parts.length > 0 || !this.answered;
  }

  /** True when the client asked for anything at all. */
  get interested(): boolean {
    return this.wildcard || this.names.size > 0;
  }

  /** The name may have changed. `force` sends it even if the client holds it. */
  mark(name: string, force = false): void {
    this.#dirty.add(name);
    if (force) this.#forced.add(name);
  }

  /** Everything may have changed. */
  markAll(): void {
    this.#all = true;
  }

  /** Adds a name to the interest. `force` sends it even if the client holds it. */
  subscribe(name: string, force: boolean): void {
    if (this.names.add(name)) this.listener.added(this.type.url, name);
    this.mark(name, force);
  }

  /**
   * Asks for all names of a long list at once, when nothing was asked for and nothing is known of the client. Returns false, and does
   * nothing, in any other case.
   */
  subscribeAll(list: NameList): boolean {
    if (list.names.length < 32 || this.interested || !this.holding.empty || list.set.has("*")) return false;
    this.names.adopt(list);
    this.listener.addedList(this.type.url, list);
    this.#bulk = true;
    return true;
  }

  /** Ends the interest in a name. Under a wildcard its state is sent once more, because the client has forgotten it. */
  unsubscribe(name: string): void {
    if (this.names.delete(name)) this.listener.removed(this.type.url, name);
    if (this.wildcard) this.mark(name, true);
    else this.#forget(name);
  }

  /** Ends the wildcard; what was not asked for by name is forgotten, as the client does. */
  leaveWildcard(): void {
    this.wildcard = false;
    this.#all = false;
    for (const [name] of [...this.holding.entries()]) if (!this.names.has(name)) this.#forget(name);
  }

  /** Asks for all that is visible. */
  enterWildcard(): void {
    if (this.wildcard) return;
    this.wildcard = true;
    this.#all = true;
  }

  /** The client already holds exactly what a wildcard shows: nothing is owed until something changes. */
  adopt(list: readonly Resource[]): void {
    this.holding.adopt(list);
    this.#all = false;
    this.#bulk = false;
    this.answered = true;
  }

  /** What the client is owed now; `now` is monotonic milliseconds. Forgets marks that need no message. */
  plan(source: Source, now: number): Plan {
    const part = this.#parts[0];
    if (!part && this.#all && this.wildcard && this.names.size === 0 && this.holding.empty && this.rejections.size === 0) {
      return { set: source.all(), remove: [], absent: [], whole: true };
    }
    if (this.#bulk) {
      const unknown =
        !part && this.#dirty.size === 0 && this.holding.empty && !this.wildcard && this.names.size === this.names.base.set.size;
      const set = unknown ? source.resolve(this.names.base) : undefined;
      if (set) return { set, remove: [], absent: [], whole: true };
      this.#bulk = false;
      for (const name of this.names) this.#dirty.add(name);
    }
    const plan = { set: [] as Resource[], remove: [] as string[], absent: [] as string[], whole: false };
    const again: Resource[] = [];
    for (const name of part ?? this.#candidates(source)) this.#consider(name, source, now, plan, again);
    if (this.#all && !part) {
      this.#all = false;
      for (const { name } of plan.set) this.#dirty.add(name);
      for (const name of plan.remove) this.#dirty.add(name);
      for (const name of plan.absent) this.#dirty.add(name);
    }
    if (plan.set.length === 0) plan.set.push(...again);
    if (part && plan.set.length + plan.remove.length + plan.absent.length === 0) {
      this.#parts.shift();
      return this.plan(source, now);
    }
    return plan;
  }

  #consider(
    name: string,
    source: Source,
    now: number,
    plan: { set: Resource[]; remove: string[]; absent: string[] },
    again: Resource[],
  ): void {
    const target = this.target(name, source);
    const held = this.holding.get(name);
    const forced = this.#forced.has(name);
    if (target) {
      this.#refusedRemovals.delete(name);
      const rejection = this.#rejection(name, target);
      if (!forced && this.#holds(name, held, target)) this.#clean(name);
      else if (!rejection) plan.set.push(target);
      else if (now < rejection.retryAt) this.#clean(name);
      else {
        this.#dirty.add(name);
        again.push(target);
      }
      return;
    }
    this.#rejection(name, undefined);
    if (resourceOf(held) === undefined && versionOf(held) === undefined) this.#refusedRemovals.delete(name);
    if (held !== undefined && held !== absent) {
      if (now < (this.#refusedRemovals.get(name)?.retryAt ?? now)) this.#clean(name);
      else plan.remove.push(name);
    } else if (forced && !this.names.has(name)) plan.absent.push(name);
    else if (this.names.has(name) && (held === undefined || forced)) {
      if (source.awaited(name)) this.#dirty.add(name);
      else plan.absent.push(name);
    } else this.#clean(name);
  }

  /** The refusal of exactly this content; one of any other content is over. */
  #rejection(name: string, target: Resource | undefined): Rejection | undefined {
    const rejection = this.rejections.get(name);
    if (!rejection || (target && sameContent(rejection.resource, target))) return rejection;
    this.rejections.delete(name);
    return undefined;
  }

  /** What the client should hold under a name. */
  target(name: string, source: Source): Resource | undefined {
    if (this.names.has(name)) return source.lookup(name);
    return this.wildcard ? source.visible(name) : undefined;
  }

  /** Records that `plan` goes out in `frame`; times in monotonic and wall-clock milliseconds. */
  sent(plan: Plan, frame: Frame, now: number, wall: number): void {
    const before = new Map<string, Held>();
    if (plan.whole) {
      this.adopt(plan.set);
      this.#dirty.clear();
      this.#forced.clear();
    } else {
      for (const resource of plan.set) before.set(resource.name, this.#move(resource.name, resource));
      this.told(plan, before);
      this.#parts.shift();
    }
    this.answered = true;
    this.lastSerial = frame.serial;
    this.lastNonce = frame.nonce;
    this.lastSentAt = wall;
    this.outstanding = { frame, plan, before, since: now };
  }

  /** Records that the client knows what is gone and what is absent, with or without a message that says so. */
  told(plan: Pick<Plan, "remove" | "absent">, before = new Map<string, Held>()): void {
    for (const names of [plan.remove, plan.absent]) {
      for (const name of names) before.set(name, this.#move(name, this.names.has(name) ? absent : undefined));
    }
  }

  /** The client took the outstanding response. */
  acknowledge(wall: number): Outstanding | undefined {
    const outstanding = this.outstanding;
    if (!outstanding) return undefined;
    this.outstanding = undefined;
    if (this.rejections.size > 0) for (const { name } of outstanding.plan.set) this.rejections.delete(name);
    for (const name of outstanding.plan.remove) this.#refusedRemovals.delete(name);
    this.lastAcknowledgedAt = wall;
    this.acknowledgedVersion = outstanding.frame.version;
    return outstanding;
  }

  /** The client refused the outstanding response: hold back what is to blame, and send the rest again. */
  refuse(message: string, now: number, wall: number, times: RetryTimes, random: () => number): Refusal | undefined {
    const outstanding = this.outstanding;
    if (!outstanding) return undefined;
    this.outstanding = undefined;
    const { set, remove } = outstanding.plan;
    for (const { name } of set) this.#takeBack(name, outstanding.before.get(name));
    for (const name of remove) this.#takeBack(name, outstanding.before.get(name));
    const blamed = culprits(message, set).map((resource) => {
      const rejection = reject(resource, message, this.rejections.get(resource.name), now, times, random());
      this.rejections.set(resource.name, rejection);
      return rejection;
    });
    for (const name of set.length === 0 ? remove : [])
      this.#refusedRemovals.set(name, rejectRemoval(this.#refusedRemovals.get(name), now, times, random()));
    if (blamed.length === 0 && set.length > 1) {
      const names = set.map((resource) => resource.name);
      const half = Math.ceil(names.length / 2);
      this.#parts.unshift([...names.slice(0, half), ...remove], names.slice(half));
    }
    const names = (blamed.length > 0 ? blamed.map(({ resource }) => resource) : set).map((resource) => resource.name);
    this.lastRejection = { message, names, at: wall };
    return { message, blamed, suspects: set };
  }

  /** The earliest time at which a refused resource may be tried again; monotonic milliseconds. */
  retryAt(): number | undefined {
    let earliest: number | undefined;
    for (const [name, { retryAt, resource }] of this.rejections) {
      if (!this.#dirty.has(name) && this.holding.get(name) !== resource && (earliest === undefined || retryAt < earliest))
        earliest = retryAt;
    }
    for (const [name, { retryAt }] of this.#refusedRemovals)
      if (!this.#dirty.has(name) && (earliest === undefined || retryAt < earliest)) earliest = retryAt;
    return earliest;
  }

  /** Marks the refused resources whose time has come. */
  retry(now: number): void {
    for (const [name, { retryAt, resource }] of this.rejections) {
      if (retryAt <= now && this.holding.get(name) !== resource) this.mark(name);
    }
    for (const [name, { retryAt }] of this.#refusedRemovals) if (retryAt <= now) this.mark(name);
  }

  /** How many of the names that were asked for do not exist. */
  absentCount(): number {
    let count = 0;
    for (const name of this.names) if (this.holding.get(name) === absent) count += 1;
    return count;
  }

  /** What the client has acknowledged under a name; undefined when nothing, or when an answer about it is outstanding. */
  acknowledged(name: string): Held {
    const { outstanding } = this;
    if (!outstanding) return this.holding.get(name);
    if (outstanding.plan.whole) return undefined;
    return outstanding.before.has(name) ? outstanding.before.get(name) : this.holding.get(name);
  }

  #candidates(source: Source): Iterable<string> {
    if (!this.#all) return [...this.#dirty];
    const names = new Set(this.#dirty);
    for (const name of this.names) names.add(name);
    for (const [name] of this.holding.entries()) names.add(name);
    if (this.wildcard) for (const { name } of source.all()) names.add(name);
    return names;
  }

  /** True when the client holds the target; a claimed version becomes the resource that it stands for. */
  #holds(name: string, held: Held, target: Resource): boolean {
    const resource = resourceOf(held);
    if (resource) return sameContent(resource, target);
    if (versionOf(held) !== target.version) return false;
    this.holding.set(name, target);
    return true;
  }

  #move(name: string, held: Held): Held {
    const before = this.holding.get(name);
    this.holding.set(name, held);
    this.#clean(name);
    return before;
  }

  #takeBack(name: string, before: Held): void {
    if (!this.wildcard && !this.names.has(name)) return;
    this.holding.set(name, before);
    this.#dirty.add(name);
  }

  #clean(name: string): void {
    this.#dirty.delete(name);
    this.#forced.delete(name);
  }

  #forget(name: string): void {
    this.holding.set(name, undefined);
    this.rejections.delete(name);
    this.#refusedRemovals.delete(name);
    this.#clean(name);
  }
}
