/** Where a container's service is reached: at a published port of this machine, or at the container's own address. Pure. */
import type { Container } from "./container.js";
import type { LabelValues } from "./labels.js";

/** An address, or what is wrong with the labels that should give one. */
export type ContainerAddress = { readonly host: string; readonly port: number } | { readonly problem: string };

/**
 * The rule: the port is that of `service.port`, or the container's only one. On the host's network it is a port of this machine. Else the
 * published port counts where there is one (what is published on every address is registered as the machine's own), and otherwise the
 * container's address in `service.network` or its first network by name. `service.address` takes the one or the other way.
 */
export function addressOf(container: Container, labels: Pick<LabelValues, "port" | "address" | "network">): ContainerAddress {
  const { ports, published, addresses, onHostNetwork } = container;
  const port = labels.port ?? (ports.length === 1 ? ports[0] : undefined);
  if (port === undefined) {
    const why = ports.length === 0 ? "the container names no TCP port" : `the container has the TCP ports ${ports.join(", ")}`;
    return { problem: `service.port: the value is missing, and ${why}. Write the one that the service listens on.` };
  }
  if (onHostNetwork) return { host: "0.0.0.0", port };
  const outside = published.get(port);
  if (labels.address === "published" && !outside)
    return { problem: `service.address: port ${port} is not published. Publish it, or write container.` };
  if (outside && labels.address !== "container") return outside;
  const host = labels.network === undefined ? [...addresses.values()][0] : addresses.get(labels.network);
  if (host !== undefined) return { host, port };
  const known = [...addresses.keys()];
  if (labels.network !== undefined && known.length > 0)
    return { problem: `service.network: the container is not in the network ${labels.network}. Write one of ${known.join(", ")}.` };
  return { problem: `service.address: the container has no address of its own, and port ${port} is not published. Publish it.` };
}
