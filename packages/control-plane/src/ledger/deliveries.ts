/** Which proxies have yet to answer which changes: kept per stream, so that what a stream tells costs what it waits for. */
import type { LedgerRefusal } from "@legation/contract/api";
import type { Clock } from "@legation/runtime";
import type { Pushed, Refused, Resource, XdsEvent } from "@legation/xds";
import type { OpenChange } from "./open-change.js";
import { type ProxyStream, Wait } from "./wait.js";

/** Waits (one for each proxy and change) at most, some 130 bytes each; with more the oldest changes are not waited for any more. */
export const mostWaits = 250_000;

/** What happens on the streams, for the changes that are under way. */
export interface Deliveries {
  /** A publication with something of the change marks these streams, for a type. */
  mark(open: OpenChange, typeUrl: string, publication: number, streams: readonly number[]): void;
  /** Follows the streams. */
  take(event: XdsEvent): void;
  /** All of the change is published: whoever is past that is accounted for. */
  completed(open: OpenChange): void;
  /** Waits for nobody any more. */
  abandon(open: OpenChange, why: string): void;
  /** Waits now. */
  readonly size: number;
}

/**
 * Makes it, without streams. `first` is told when a change is about to be sent for the first time, `changed` when something is known of one that was
 * not, `ended` when one that is complete waits for nobody any more; `describe` puts a refused resource into words.
 */
export function createDeliveries(o: {
  readonly clock: Pick<Clock, "monotonic">;
  readonly first: (open: OpenChange) => void;
  readonly changed: (open: OpenChange) => void;
  readonly ended: (open: OpenChange) => void;
  readonly describe: (resource: Resource) => Pick<LedgerRefusal, "resource" | "policies">;
}): Deliveries {
  const { clock } = o;
  const streams = new Map<number, ProxyStream>();
  let size = 0;

  function drop(wait: Wait): void {
    if (!wait.open.waits.delete(wait)) return;
    wait.proxy.waits.delete(wait);
    size--;
    const { open } = wait;
    if (!open.complete) open.over.add(wait.proxy.stream);
    o.changed(open);
    if (open.complete && open.waits.size === 0) o.ended(open);
  }

  /** The stream is past all of the change. One that was sent nothing of it had it already, or asks for it no more: it is not concerned. */
  function finish(wait: Wait, at: number): void {
    if (wait.sent) wait.open.acknowledged(wait.proxy.node, at - wait.open.since);
    drop(wait);
  }

  function settle({ waits }: ProxyStream, typeUrl: string, through: number): void {
    if (waits.size === 0) return;
    const now = clock.monotonic();
    for (const wait of waits) {
      if (!wait.settle(typeUrl, through)) continue;
      if (wait.open.complete) finish(wait, now);
      else wait.doneAt = now;
    }
  }

  function pushed({ waits }: ProxyStream, { typeUrl, resources, removed }: Pushed): void {
    if (waits.size === 0) return;
    const now = clock.monotonic();
    const carries = carrier(resources, removed);
    for (const wait of waits) {
      const { open } = wait;
      const names = wait.sent ? undefined : open.names.get(typeUrl);
      if (!names || !carries(names)) continue;
      wait.sent = true;
      if (open.unsent) o.first(open);
      open.sent(now - open.since);
    }
  }

  function refused({ node, waits }: ProxyStream, event: Refused): void {
    // Without a culprit the response is tried again in parts; a refused removal leaves no resource to blame.
    if (!event.isolated && event.resources.length > 0) return;
    for (const wait of waits) {
      const names = wait.sent ? wait.open.names.get(event.typeUrl) : undefined;
      if (!names) continue;
      const culprit = event.resources.find(({ name }) => names.has(name));
      if (!culprit && event.resources.length > 0) continue;
      const about = culprit ? o.describe(culprit) : { resource: "a removal", policies: [] };
      wait.open.refused({ node, message: event.message, ...about });
      drop(wait);
    }
  }

  function closed(proxy: ProxyStream): void {
    streams.delete(proxy.stream);
    for (const wait of proxy.waits) {
      if (wait.doneAt !== undefined) finish(wait, wait.doneAt);
      else {
        wait.open.gone(proxy.node);
        drop(wait);
      }
    }
  }

  return {
    mark(open, typeUrl, publication, marked) {
      for (const stream of marked) {
        const proxy = streams.get(stream);
        if (!proxy || open.over.has(stream)) continue;
        const known = open.marked ? waitOf(proxy, open) : undefined;
        if (known) {
          known.mark(typeUrl, publication);
          continue;
        }
        const wait = new Wait(open, proxy, typeUrl, publication);
        proxy.waits.add(wait);
        open.waits.add(wait);
        size++;
      }
      open.marked = true;
    },
    take(event) {
      if (event.kind === "stream-open") {
        streams.set(event.stream, { stream: event.stream, node: event.node, waits: new Set() });
        return;
      }
      const proxy = streams.get(event.stream);
      if (!proxy) return;
      if (event.kind === "push") pushed(proxy, event);
      else if (event.kind === "nack") refused(proxy, event);
      else if (event.kind === "stream-close") closed(proxy);
      else if ((event.kind === "ack" || event.kind === "settled") && event.through !== undefined)
        settle(proxy, event.typeUrl, event.through);
    },
    completed(open) {
      open.over.clear();
      for (const wait of open.waits) if (wait.doneAt !== undefined) finish(wait, wait.doneAt);
    },
    abandon(open, why) {
      open.abandoned(
        [...open.waits].map(({ proxy }) => proxy.node),
        why,
      );
      for (const wait of open.waits) drop(wait);
    },
    get size() {
      return size;
    },
  };
}

function waitOf({ waits }: ProxyStream, open: OpenChange): Wait | undefined {
  for (const wait of waits) if (wait.open === open) return wait;
  return undefined;
}

/** Tells whether a response has one of these names in it; at the cost of the shorter list. */
function carrier(resources: readonly Resource[], removed: readonly string[]): (names: ReadonlySet<string>) => boolean {
  const [only] = resources;
  if (only && resources.length === 1 && removed.length === 0) return (names) => names.has(only.name);
  let sent: Set<string> | undefined;
  return (names) => {
    if (resources.length + removed.length <= names.size)
      return resources.some(({ name }) => names.has(name)) || removed.some((name) => names.has(name));
    sent ??= new Set([...resources.map(({ name }) => name), ...removed]);
    for (const name of names) if (sent.has(name)) return true;
    return false;
  };
}
