/** The server: accepts streams, gives each the view of its node, and carries changes of the cache to those they concern. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import { type Clock, systemClock, type Timer } from "@legation/runtime";
import { AcknowledgementWait, type Wanted } from "./acknowledgement.js";
import { authenticated } from "./authentication.js";
import { AuxiliaryCall } from "./auxiliary.js";
import { csdsPaths, serveCsds } from "./csds.js";
import type { XdsEvent } from "./event.js";
import { FrameCache } from "./frame.js";
import { resourceOf } from "./holding.js";
import { InterestIndex } from "./interest.js";
import { defaultLimits, type Limits } from "./limits.js";
import { type Listening, type ListenOptions, listen } from "./listener.js";
import { loadReportPath, serveLoadReports } from "./load-report.js";
import { NameLists } from "./names.js";
import { forgetsEndpoints } from "./node.js";
import type { XdsServerOptions } from "./options.js";
import type { OrderLimits } from "./order.js";
import { Publisher } from "./publisher.js";
import type { RetryTimes } from "./rejection.js";
import type { Resource } from "./resource.js";
import { methods } from "./service.js";
import { type StreamStatus, statusOf } from "./status.js";
import { Stream } from "./stream.js";
import type { StreamHost } from "./stream-host.js";
import { type Call, Status, type Wire } from "./transport.js";
import { builtInTypes, type ResourceType } from "./type.js";
import { type NodeView, Views } from "./view.js";

/** A port that a server listens on. */
export type XdsPort = Omit<Listening, "close">;

/** A running server. */
export interface XdsServer {
  /** Binds `host:port`; port 0 picks one. Throws a LegationError that names the address and the flag. May be called for several addresses. */
  listen(address: string, options?: ListenOptions): Promise<XdsPort>;
  /** Takes a call from another transport than its own. Undefined when the path is no discovery method. */
  accept(path: string, wire: Wire): Call | undefined;
  /** Asks `view` again, for the streams of one node or for all; what changed is sent. */
  refresh(nodeId?: string): void;
  /** Copies of how all streams stand, or those of the nodes that are wanted: each costs what its client holds. */
  status(wanted?: (node: string) => boolean): StreamStatus[];
  /** The same of all streams, each copied when it is its turn, so that who reads thousands can let other work have its turn between them. */
  statuses(): Iterable<StreamStatus>;
  /** The resources that a stream's client was sent last, by `StreamStatus.stream`; without those that it brought along from an earlier stream and were never compared. */
  sent(stream: number, typeUrl: string): Resource[];
  /**
   * Resolves when every stream that subscribes to the resource has acknowledged the version, or is past it: it holds a later one, or what it
   * is to have instead by now, or no longer subscribes, or is gone; or after `timeoutMs`, with the ids of the nodes that have not. A
   * version that no client has had or is to have is waited for as one that is still to come. Rejects with the signal's reason.
   */
  acknowledged(
    typeUrl: string,
    name: string,
    version: Wanted,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ laggards: string[] }>;
  /** Ends all streams at random times within `graceMs`, so that clients move elsewhere without a herd, and closes. */
  stop(options: { graceMs: number }): Promise<void>;
}

/** Creates a server over a cache. It does nothing until `listen`. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  return new Server(options);
}

class Server implements XdsServer, StreamHost {
  readonly types: ReadonlyMap<string, ResourceType>;
  readonly frames: FrameCache;
  readonly lists: NameLists;
  readonly interest = new InterestIndex<Stream>();
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Limits;
  readonly order: OrderLimits;
  readonly retry: RetryTimes;
  readonly emptyAssignments: boolean;
  readonly #streams = new Set<Stream>();
  readonly #auxiliary = new Set<AuxiliaryCall>();
  readonly #views: Views;
  readonly #publisher: Publisher;
  readonly #listening: Listening[] = [];
  readonly #identities = new WeakMap<Call, unknown>();
  /** Which call of `view` each stream has its view from. */
  readonly #attached = new WeakMap<Stream, number>();
  #lastAttach = 0;

  readonly #waits = new Set<AcknowledgementWait>();
  readonly #unsubscribe: () => void;
  #lastId = 0;
  #stopping = false;

  constructor(private readonly options: XdsServerOptions) {
    this.types = new Map([...builtInTypes, ...(options.types ?? [])].map((type) => [type.url, type]));
    this.frames = new FrameCache(16 * 1024 * 1024, options.identifier ?? "");
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.limits = { ...defaultLimits, ...options.limits };
    this.lists = new NameLists(this.limits);
    this.order = { additions: 2_000, removals: 5_000, ...options.order };
    this.retry = { base: 1_000, max: 300_000, ...options.retry };
    this.emptyAssignments = options.emptyAssignments ?? true;
    this.#views = new Views(options.cache);
    const coalescing = { perStream: 0.04, ceiling: 500, ...options.coalescing };
    this.#publisher = new Publisher(this.clock, this.#streams, this.interest, coalescing, options.onPublication);
    this.#unsubscribe = options.cache.onChange((layer, changed) => {
      this.#views.changed(layer, changed);
      this.#publisher.changed(layer, changed);
    });
  }

  async listen(address: string, options: ListenOptions = {}): Promise<Listening> {
    const keepalive = { interval: 30_000, timeout: 20_000, ...this.options.keepalive };
    const listening = await listen(
      address,
      options,
      (path, wire) => this.accept(path, wire),
      this.limits.messageBytes,
      keepalive,
      this.clock,
    );
    this.#listening.push(listening);
    return listening;
  }

  accept(path: string, wire: Wire): Call | undefined {
    const call = this.#open(path, wire);
    const { authenticate } = this.options;
    if (!authenticate || !(call instanceof Stream || call instanceof AuxiliaryCall)) return call;
    return authenticated(call, wire, {
      authenticate,
      limits: this.limits,
      clock: this.clock,
      admitted: (identity) => this.#identities.set(call, identity),
      refuse: (status, message) => call.end(status, message),
    });
  }

  refresh(nodeId?: string): void {
    for (const stream of [...this.#streams])
      if (stream.node && (nodeId === undefined || stream.nodeId === nodeId)) this.#attach(stream, stream.node);
  }

  status(wanted: (node: string) => boolean = () => true): StreamStatus[] {
    return [...this.#streams].filter(({ nodeId }) => wanted(nodeId)).map(statusOf);
  }

  *statuses(): Iterable<StreamStatus> {
    for (const stream of this.#streams) yield statusOf(stream);
  }

  sent(id: number, typeUrl: string): Resource[] {
    const stream = [...this.#streams].find((one) => one.id === id);
    const held = [...(stream?.subscription(typeUrl)?.holding.entries() ?? [])];
    return held.flatMap(([, one]) => resourceOf(one) ?? []);
  }

  async acknowledged(
    typeUrl: string,
    name: string,
    version: Wanted,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ laggards: string[] }> {
    signal?.throwIfAborted();
    const wait = new AcknowledgementWait(typeUrl, name, version, this.#streams);
    this.#waits.add(wait);
    let timer: Timer | undefined;
    let onAbort: (() => void) | undefined;
    try {
      await Promise.race([
        wait.done,
        new Promise<void>((resolve) => {
          timer = this.clock.timeout(timeoutMs, resolve);
        }),
        new Promise<never>((_, reject) => {
          onAbort = () => reject(signal?.reason);
          signal?.addEventListener("abort", onAbort, { once: true });
        }),
      ]);
    } finally {
      timer?.cancel();
      if (onAbort) signal?.removeEventListener("abort", onAbort);
      this.#waits.delete(wait);
    }
    return { laggards: [...new Set([...wait.laggards].map((stream) => stream.nodeId))] };
  }

  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    this.#stopping = true;
    const streams = [...this.#streams, ...this.#auxiliary];
    await Promise.all(
      streams.map(async (stream) => {
        if (graceMs > 0) await this.clock.sleep(graceMs * this.random());
        stream.end(Status.UNAVAILABLE, "the server is stopping: connect to another");
      }),
    );
    this.#unsubscribe();
    this.#publisher.stop();
    const force = this.clock.sleep(1_000);
    await Promise.all(this.#listening.map((listening) => listening.close(force)));
    this.frames.clear();
  }

  get publication(): number {
    return this.#publisher.publication;
  }

  event(event: XdsEvent): void {
    this.options.onEvent?.(event);
  }

  resendEndpoints(node: Node): boolean {
    return this.options.resendEndpoints ? this.options.resendEndpoints(node) : forgetsEndpoints(node);
  }

  opened(stream: Stream): void {
    const { node } = stream;
    if (!node) return;
    const objection = this.#objection(stream, node);
    if (objection !== undefined) {
      stream.end(Status.PERMISSION_DENIED, objection);
      return;
    }
    this.event({ kind: "stream-open", stream: stream.id, node: node.id, peer: stream.peer, variant: stream.variant, description: node });
    this.#attach(stream, node);
  }

  wanted(stream: Stream, typeUrl: string, names: readonly string[]): void {
    this.event({ kind: "absent", stream: stream.id, node: stream.nodeId, typeUrl, names });
    const { onDemand } = this.options;
    const { node } = stream;
    if (!node || !onDemand) return;
    let promise: void | Promise<void>;
    try {
      promise = onDemand({ node, typeUrl, names });
    } catch {
      return;
    }
    if (!promise) return;
    const finish = stream.demands.await(typeUrl, names);
    const over = () => {
      finish();
      this.#publisher.enqueue(stream);
    };
    const timer = this.clock.timeout(this.options.demandMs ?? 1_000, over);
    promise.then(over, over).finally(() => timer.cancel());
  }

  heard(stream: Stream): void {
    for (const wait of this.#waits) wait.heard(stream);
  }

  closed(stream: Stream): void {
    this.#streams.delete(stream);
    if (stream.view) this.#views.release(stream.view);
    this.heard(stream);
    this.event({ kind: "stream-close", stream: stream.id, node: stream.nodeId, peer: stream.peer, reason: stream.closedBecause });
  }

  #open(path: string, wire: Wire): Call | undefined {
    const method = methods.get(path);
    const serve = method ? undefined : this.#auxiliaryService(path);
    if (!method && !serve) return undefined;
    if (this.#stopping) return refused(wire, Status.UNAVAILABLE, "the server is stopping");
    if ((method ? this.#streams : this.#auxiliary).size >= this.limits.streams)
      return refused(wire, Status.RESOURCE_EXHAUSTED, `more than ${this.limits.streams} streams`);
    if (serve) {
      const over = () => this.#auxiliary.delete(call);
      const call: AuxiliaryCall = new AuxiliaryCall(wire, this.limits, this.clock, (to) => serve(to, () => call), over);
      this.#auxiliary.add(call);
      return call;
    }
    if (!method) return undefined;
    const stream = new Stream(++this.#lastId, wire, method.variant, method.only, this);
    this.#streams.add(stream);
    return stream;
  }

  /** Why the caller may not speak, or ask, for a node. */
  #objection(call: Call, node: Node): string | undefined {
    return this.options.authorize?.(node, this.#identities.get(call));
  }

  /** Makes the service of a path; the call that it gets is made after it. */
  #auxiliaryService(path: string): ((wire: Wire, call: () => Call) => Call) | undefined {
    const { loadReports, authorizeStatus } = this.options;
    if (path === loadReportPath && loadReports)
      return (wire, call) => serveLoadReports(wire, loadReports, (node) => this.#objection(call(), node));
    if (path !== csdsPaths.stream && path !== csdsPaths.fetch) return undefined;
    return (wire, call) =>
      serveCsds(path, wire, this.#streams, {
        refusal: () => authorizeStatus?.(this.#identities.get(call())),
        objection: authorizeStatus ? () => undefined : (node) => this.#objection(call(), node),
      });
  }

  #attach(stream: Stream, node: Node): void {
    const turn = ++this.#lastAttach;
    const late = () => stream.over || (this.#attached.get(stream) ?? 0) > turn;
    const use = (source: NodeView | undefined) => {
      if (late()) return;
      this.#attached.set(stream, turn);
      const view = source ? this.#views.acquire(source) : undefined;
      const old = stream.view;
      if (view !== old || !view) stream.attach(view);
      if (old) this.#views.release(old);
      this.#publisher.enqueue(stream);
    };
    const failed = (error: unknown) => {
      if (!late()) stream.end(Status.UNAVAILABLE, error instanceof Error ? error.message : String(error));
    };
    try {
      const source = this.options.view(node);
      if (source instanceof Promise) source.then(use).catch(failed);
      else use(source);
    } catch (error) {
      failed(error);
    }
  }
}

function refused(wire: Wire, status: number, message: string): Call {
  wire.end(status, message);
  return { message: () => undefined, halfClose: () => undefined, closed: () => undefined };
}
