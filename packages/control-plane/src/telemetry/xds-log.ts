/** What happens on the xDS streams, in the log and in the figures. */
import type { Provenance } from "@legation/mesh";
import type { Logger } from "@legation/runtime";
import type { Resource, XdsEvent } from "@legation/xds";
import { type Metrics, typeWord } from "./metrics.js";

/** Where a refused resource came from, in words: `orders (catalog)`, `orders (policy/orders.yaml at retries)`. */
export function originOf(resource: Resource): string {
  // The mesh compiles every resource with its provenance; only what xDS makes up itself has none.
  const provenance = resource.provenance as Provenance | undefined;
  if (!provenance) return "unknown origin";
  const { service, source, path } = provenance;
  return `${service} (${source}${path ? ` at ${path}` : ""})`;
}

/** Logs and counts one event. A refusal names each resource with where it came from. */
export function recordXdsEvent(event: XdsEvent, o: { readonly metrics: Metrics; readonly log: Logger }): void {
  const { stream, node } = event;
  switch (event.kind) {
    case "stream-open":
      o.log.info({ event: "xds.stream-opened", stream, node, peer: event.peer, variant: event.variant }, `${node} connected`);
      break;
    case "stream-close":
      o.log.info(
        { event: "xds.stream-closed", stream, node, peer: event.peer, reason: event.reason },
        `${node || event.peer} disconnected`,
      );
      break;
    case "push": {
      const sent = { set: event.resources.map((r) => r.name), removed: event.removed, bytes: event.bytes };
      o.metrics.pushed(event.typeUrl, event.resources.length, event.bytes);
      o.log.debug({ event: "xds.push", stream, node, type: typeWord(event.typeUrl), ...sent });
      break;
    }
    case "ack":
      o.metrics.acknowledged(event.typeUrl, event.milliseconds / 1_000);
      o.log.debug({ event: "xds.ack", stream, node, type: typeWord(event.typeUrl), ms: event.milliseconds });
      break;
    case "settled":
      o.log.debug({ event: "xds.settled", stream, node, type: typeWord(event.typeUrl) });
      break;
    case "nack": {
      o.metrics.rejected(event.typeUrl);
      const resources = event.resources.map((r) => ({ name: r.name, version: r.version, provenance: r.provenance }));
      const type = typeWord(event.typeUrl);
      const blamed = event.resources.map((r) => `${type} ${r.name} of ${originOf(r)}`).join(", ");
      const { message, isolated, attempts } = event;
      o.log.error(
        { event: "xds.nack", stream, node, type, resources, message, isolated, attempts },
        `${node} refused ${blamed}: ${message}`,
      );
      break;
    }
    case "absent":
      o.log.debug({ event: "xds.absent", stream, node, type: typeWord(event.typeUrl), names: event.names });
      break;
    case "unknown-type":
      o.log.warn({ event: "xds.unknown-type", stream, node, typeUrl: event.typeUrl }, `${node} asked for a type that is not served`);
      break;
  }
}
