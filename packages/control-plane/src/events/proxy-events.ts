/** What happens on the configuration streams of proxies, as events: connected, disconnected, and what they refuse. */
import type { XdsEvent } from "@legation/xds";
import { typeWord } from "../telemetry/metrics.js";
import { originOf } from "../telemetry/xds-log.js";
import type { Teller } from "./events.js";

/** Characters of a proxy's words in an event, at most. */
const messageLength = 1_000;

/** Resources that an event names, at most: until a refusal is traced to one, all of a response are suspected. */
const named = 20;

/** Makes the function that takes each event of the xDS server. Several streams of one proxy are one connection. `serviceOf` knows the proxy's service. */
export function createProxyEvents(events: Teller, serviceOf: (node: string) => string | undefined): (event: XdsEvent) => void {
  /** Open streams by proxy. */
  const open = new Map<string, number>();
  const about = (node: string) => {
    const service = serviceOf(node);
    return { ...(service ? { service } : {}), instance: node };
  };
  return (event) => {
    const { node } = event;
    if (node === "") return;
    switch (event.kind) {
      case "stream-open":
        open.set(node, (open.get(node) ?? 0) + 1);
        events.tell({ type: "proxy.connected", ...about(node), text: `the proxy ${node} is connected`, details: { peer: event.peer } });
        break;
      case "stream-close": {
        const left = (open.get(node) ?? 1) - 1;
        if (left > 0) return void open.set(node, left);
        open.delete(node);
        const { reason } = event;
        events.tell({
          type: "proxy.disconnected",
          ...about(node),
          text: `the proxy ${node} is disconnected: ${reason}`,
          details: { reason },
        });
        break;
      }
      case "nack": {
        const resourceType = typeWord(event.typeUrl);
        const resources = event.resources.slice(0, named).map((resource) => `${resource.name} of ${originOf(resource)}`);
        const more = event.resources.length > named ? ` and ${event.resources.length - named} more` : "";
        const message = event.message.slice(0, messageLength);
        const text = `${node} refuses ${resourceType} ${resources.join(", ") || "without a name"}${more}: ${message}`;
        events.tell({ type: "proxy.rejected", severity: "error", ...about(node), text, details: { resourceType, resources, message } });
        break;
      }
    }
  };
}
