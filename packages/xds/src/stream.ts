/** One stream: takes requests, keeps a subscription per type, and sends the newest state whenever its transport is writable. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Timer } from "@legation/runtime";
import { Alarm } from "./alarm.js";
import { answerDelta, applyDelta } from "./delta.js";
import { Demands } from "./demand.js";
import { excerpt, typeUrlLength } from "./excerpt.js";
import type { Variant } from "./frame.js";
import { excessOf } from "./names.js";
import { nodeId, readNode } from "./node.js";
import { choose, type Turn } from "./order.js";
import { nothingOwed, type Plan, type Source } from "./plan.js";
import { type DeltaRequest, decodeRequest, type SotwRequest } from "./request.js";
import { newlySettled } from "./settlement.js";
import { answerSotw, applySotw, resumeSotw } from "./sotw.js";
import { createSource } from "./source.js";
import type { StreamHost } from "./stream-host.js";
import { Subscription } from "./subscription.js";
import { type Call, Status, type Wire } from "./transport.js";
import { type ResourceType, TypeUrl } from "./type.js";
import { UnreadDeadline } from "./unread.js";
import type { View } from "./view.js";
import { Warming } from "./warming.js";

/** Types that are not served, of which a stream's events tell at most. */
const unknownTypesTold = 16;

/** One call of a discovery service. */
export class Stream implements Call {
  node: Node | undefined;
  view: View | undefined;
  /** There is something to look at, which waits until the view and all of its layers exist. */
  waiting = false;
  closedBecause = "";
  /** In the order of additions; types without a rank come last. */
  readonly subscriptions: Subscription[] = [];
  readonly demands = new Demands();
  readonly openedAt: number;
  #over = false;
  readonly #alarm: Alarm;
  #deadline: Timer | undefined;
  readonly #unread: UnreadDeadline;
  readonly #warming: Warming;
  readonly #unknownTypes = new Set<string>();
  readonly #sources = new Map<string, Source>();

  /** `only` is the type URL of a single-type service; undefined on an aggregated one. */
  constructor(
    readonly id: number,
    private readonly wire: Wire,
    readonly variant: Variant,
    private readonly only: string | undefined,
    private readonly host: StreamHost,
  ) {
    this.openedAt = host.clock.now();
    this.#alarm = new Alarm(host.clock, () => this.#onAlarm());
    this.#unread = new UnreadDeadline(host.clock, host.limits.unreadMs, () => {
      this.wire.abort();
      this.#finish("the client reads nothing");
    });
    this.#warming = new Warming(host.order.additions);
    this.#deadline = host.clock.timeout(host.limits.firstRequestMs, () => this.end(Status.DEADLINE_EXCEEDED, "no first request came"));
  }

  /** The node's id; empty before the first request. */
  get nodeId(): string {
    return this.node?.id ?? "";
  }

  /** The client's address. */
  get peer(): string {
    return this.wire.peer.address;
  }

  /** True while there is a view and every layer of it exists. Until then the client keeps what it has. */
  get ready(): boolean {
    return this.view !== undefined && this.view.missing === undefined;
  }

  /** True once the stream has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** The subscription to a type, if the client ever asked for it. */
  subscription(typeUrl: string): Subscription | undefined {
    return this.subscriptions.find((subscription) => subscription.type.url === typeUrl);
  }

  message(bytes: Buffer): void {
    if (this.#over) return;
    const request = decodeRequest(this.variant, bytes, this.host.lists);
    if ("excess" in request) {
      this.end(Status.RESOURCE_EXHAUSTED, request.excess);
      return;
    }
    const fault = this.#checkNode(request.node);
    if (fault) this.end(Status.INVALID_ARGUMENT, fault);
    if (this.#over) return;
    const typeUrl = request.typeUrl || this.only || "";
    const type = this.host.types.get(typeUrl);
    if (this.only && typeUrl !== this.only) this.end(Status.INVALID_ARGUMENT, `this service serves ${this.only}, not ${typeUrl}`);
    else if (type) this.#request(type, request);
    else this.#unknownType(excerpt(typeUrl, typeUrlLength));
  }

  halfClose(): void {
    this.end(Status.OK, "");
  }

  closed(): void {
    this.#unread.cancel();
    this.#finish("the client went away");
  }

  /** Ends the stream with a gRPC status. */
  end(status: number, message: string): void {
    if (this.#over) return;
    const told = this.wire.end(status, message);
    this.#finish(told || "the client closed it");
  }

  /** Gives the stream its view, the first or another one; everything it asked for is looked at again. */
  attach(view: View | undefined): void {
    this.view = view;
    for (const subscription of this.subscriptions) subscription.markAll();
  }

  /** Sends what is owed, one response at a time, as long as the transport takes it. */
  pump(): void {
    if (this.#over) return;
    this.#pump();
    const through = this.host.publication;
    for (const typeUrl of newlySettled(this.subscriptions, through))
      this.host.event({ kind: "settled", stream: this.id, node: this.nodeId, typeUrl, through });
  }

  #pump(): void {
    if (this.#unread.untaken > 0 || !this.#hasWork()) return;
    this.waiting = !this.ready;
    if (this.waiting) return;
    const now = this.host.clock.monotonic();
    const turns = this.subscriptions.map((subscription) => this.#turn(subscription, now));
    const { next, wakeAt } = choose(
      turns,
      this.#warming.any(now, (name) => this.view?.lookup(TypeUrl.endpoint, name) !== undefined),
      !this.only,
      now,
      this.host.order,
    );
    if (next) this.#send(next.subscription, next.plan, now);
    else this.host.heard(this);
    this.#wake(wakeAt, now);
  }

  /** Tells of each such type once, and of so many. */
  #unknownType(typeUrl: string): void {
    if (this.#unknownTypes.size === unknownTypesTold || this.#unknownTypes.has(typeUrl)) return;
    this.#unknownTypes.add(typeUrl);
    this.host.event({ kind: "unknown-type", stream: this.id, node: this.nodeId, typeUrl });
  }

  #checkNode(bytes: Buffer | undefined): string | undefined {
    if (this.node) return bytes && nodeId(bytes) !== this.node.id ? "the node's id changed within the stream" : undefined;
    const read = readNode(bytes);
    if ("fault" in read) return read.fault;
    this.node = read.node;
    this.#deadline?.cancel();
    const { streamAgeMs } = this.host.limits;
    if (streamAgeMs > 0) {
      const age = streamAgeMs * (1 - this.host.random() / 5);
      this.#deadline = this.host.clock.timeout(age, () => this.end(Status.UNAVAILABLE, "the stream is old: connect again"));
    }
    this.host.opened(this);
    return undefined;
  }

  #request(type: ResourceType, request: SotwRequest | DeltaRequest): void {
    const known = this.subscription(type.url);
    const subscription = known ?? this.#subscribe(type);
    const { outstanding, lastNonce } = subscription;
    if (outstanding && request.nonce === outstanding.frame.nonce) {
      if (request.error === undefined) this.#acknowledge(subscription);
      else this.#refuse(subscription, request.error);
    }
    if ("subscribe" in request) applyDelta(subscription, request, !known);
    else applySotw(subscription, request, !known);
    this.host.heard(this);
    const stale = this.variant === "sotw" && known && request.nonce !== "" && request.nonce !== lastNonce;
    const excess = excessOf(subscription.names.size, subscription.names.characters, this.host.limits);
    if (excess) this.end(Status.RESOURCE_EXHAUSTED, `${excess}: ${type.url}`);
    else if (!stale) this.pump();
  }

  #subscribe(type: ResourceType): Subscription {
    const subscription = new Subscription(type, this.variant, {
      added: (typeUrl, name) => this.host.interest.add(typeUrl, name, this),
      removed: (typeUrl, name) => this.host.interest.remove(typeUrl, name, this),
      addedList: (typeUrl, list) => this.host.interest.addList(typeUrl, list, this),
    });
    this.subscriptions.push(subscription);
    this.subscriptions.sort((a, b) => (a.type.rank ?? 99) - (b.type.rank ?? 99));
    return subscription;
  }

  #turn(subscription: Subscription, now: number): Turn {
    if (subscription.outstanding || !subscription.dirty) return { subscription, plan: nothingOwed, owesAnswer: false };
    const source = this.source(subscription.type.url);
    const view = this.view;
    if (subscription.claimedVersion !== "") resumeSotw(subscription, source, view?.source.version);
    let plan = subscription.plan(source, now);
    if (plan.absent.length > 0) {
      plan = this.demands.ask(subscription, plan, source, now, (names) => this.host.wanted(this, subscription.type.url, names));
    }
    plan = this.demands.withoutSilent(subscription, plan, this.variant, this.host.limits.absentNames);
    if (plan.set.length === 0) subscription.blockedSince.additions = undefined;
    if (plan.remove.length === 0) subscription.blockedSince.removals = undefined;
    const idle = plan.set.length + plan.remove.length + plan.absent.length === 0;
    const waiting = this.demands.awaitsAny(subscription.type.url);
    const owesAnswer = !subscription.answered && subscription.interested && !subscription.type.silentAbsence && !waiting;
    if (idle && !owesAnswer && !waiting) {
      subscription.answered ||= subscription.interested;
      if (plan.whole) subscription.adopt(plan.set);
    }
    return { subscription, plan, owesAnswer };
  }

  #send(subscription: Subscription, plan: Plan, now: number): void {
    const { type } = subscription;
    const { frames, clock, limits } = this.host;
    const version = this.view?.source.version;
    const answer =
      this.variant === "delta" ? answerDelta(subscription, plan, version) : answerSotw(subscription, plan, this.source(type.url), version);
    const frame = frames.frame(answer, subscription.lastSerial);
    if (type.url === TypeUrl.cluster && this.view && this.node) {
      const resend = this.host.resendEndpoints(this.node);
      this.#warming.clustersChange(plan, subscription, this.subscription(TypeUrl.endpoint), this.view, resend, now);
    }
    if (plan.set.length > 0) subscription.blockedSince.additions = undefined;
    if (plan.remove.length > 0) subscription.blockedSince.removals = undefined;
    subscription.sent(plan, frame, now, clock.now());
    const through = subscription.settlement.sent(subscription.dirty ? undefined : this.host.publication);
    this.demands.answered(subscription, plan.absent, limits.absentNames);
    this.#unread.wrote();
    this.host.event({
      kind: "push",
      stream: this.id,
      node: this.nodeId,
      typeUrl: type.url,
      nonce: frame.nonce,
      resources: plan.set,
      removed: answer.removed,
      bytes: frame.bytes.length,
      through,
    });
    this.wire.write(frame.bytes, () => {
      this.#unread.taken();
      this.pump();
    });
  }

  #acknowledge(subscription: Subscription): void {
    const { clock } = this.host;
    const outstanding = subscription.acknowledge(clock.now());
    if (!outstanding) return;
    const { plan, frame, since } = outstanding;
    if (subscription.type.url === TypeUrl.endpoint) for (const { name } of plan.set) this.#warming.end(name);
    this.host.event({
      kind: "ack",
      stream: this.id,
      node: this.nodeId,
      typeUrl: subscription.type.url,
      nonce: frame.nonce,
      resources: plan.set,
      removed: plan.remove,
      milliseconds: clock.monotonic() - since,
      through: subscription.settlement.acknowledged(),
    });
  }

  #refuse(subscription: Subscription, message: string): void {
    const { clock, retry, random } = this.host;
    const nonce = subscription.lastNonce;
    const refusal = subscription.refuse(message, clock.monotonic(), clock.now(), retry, random);
    if (!refusal) return;
    const { blamed, suspects } = refusal;
    if (subscription.type.url === TypeUrl.cluster) for (const { resource } of blamed) this.#warming.end(resource.name);
    this.host.event({
      kind: "nack",
      stream: this.id,
      node: this.nodeId,
      typeUrl: subscription.type.url,
      nonce,
      message,
      resources: blamed.length > 0 ? blamed.map(({ resource }) => resource) : suspects,
      isolated: blamed.length > 0,
      attempts: blamed[0]?.attempts ?? 1,
    });
  }

  #hasWork(): boolean {
    return this.subscriptions.some(({ outstanding, dirty }) => !outstanding && dirty);
  }

  /** What exists for this client, of a type. */
  source(typeUrl: string): Source {
    let source = this.#sources.get(typeUrl);
    if (!source) {
      source = createSource(typeUrl, this.host.emptyAssignments, this.demands, () => this.view);
      this.#sources.set(typeUrl, source);
    }
    return source;
  }

  /** Sees to it that the stream is looked at when there may be something to do without an event. */
  #wake(orderAt: number | undefined, now: number): void {
    let at = orderAt ?? Number.POSITIVE_INFINITY;
    for (const subscription of this.subscriptions) at = Math.min(at, subscription.retryAt() ?? at, this.#unansweredAt(subscription));
    this.#alarm.by(at, now);
  }

  #onAlarm(): void {
    const now = this.host.clock.monotonic();
    for (const subscription of this.subscriptions) {
      if (this.#unansweredAt(subscription) <= now) this.end(Status.DEADLINE_EXCEEDED, `no answer to ${subscription.type.url}`);
      subscription.retry(now);
    }
    this.pump();
    this.#wake(undefined, now);
  }

  /** When the answer to an outstanding response is overdue; monotonic milliseconds, infinite when none is or may be. */
  #unansweredAt({ outstanding }: Subscription): number {
    const { unansweredMs } = this.host.limits;
    return outstanding && unansweredMs > 0 ? outstanding.since + unansweredMs : Number.POSITIVE_INFINITY;
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.closedBecause = reason;
    this.#alarm.cancel();
    this.#deadline?.cancel();
    for (const { type, names } of this.subscriptions) {
      this.host.interest.removeList(type.url, names.base, this);
      for (const name of names.own) this.host.interest.remove(type.url, name, this);
    }
    this.host.closed(this);
  }
}
