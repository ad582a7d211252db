/** The local ports on which a node's Envoy serves dependencies of their own: what is not called by HTTP and a host name. */
import { dependencyWord, type NodeMetadata, splitAddress } from "@legation/contract";
import { isIp } from "./catalog/address.js";
import { compareText } from "./catalog/instance.js";

/** One dependency on one port. */
export interface LocalPort {
  readonly service: string;
  /** That of the outbound address. */
  readonly host: string;
  readonly port: number;
}

/**
 * The ports that can be opened, sorted by service, and in words why others cannot. Nothing but the node's own description decides, and of its
 * addresses nothing but the outbound host is in the ports, so that nodes which agree in them can share what is made of them.
 */
export function localPorts(node: NodeMetadata): { readonly ports: readonly LocalPort[]; readonly problems: readonly string[] } {
  const wanted = node.dependencies.filter(({ port }) => port !== undefined);
  const named = wanted.map((dependency) => dependencyWord({ ...dependency, optional: false })).join(", ");
  if (wanted.length === 0) return { ports: [], problems: [] };
  if (node.kind !== "sidecar") return { ports: [], problems: [`${named}: no local port is opened without an Envoy: leave the ports out`] };
  const outbound = splitAddress(node.outbound);
  if (!outbound || !isIp(outbound.host))
    return {
      ports: [],
      problems: [`${named}: no local port is opened: outbound is "${node.outbound}", and has to be an IP address and a port`],
    };
  const { host } = outbound;
  const taken = new Map([...ownPorts(node, host)]);
  const ports: LocalPort[] = [];
  const problems: string[] = [];
  for (const { name: service, port = 0 } of [...wanted].sort((a, b) => compareText(a.name, b.name) || (a.port ?? 0) - (b.port ?? 0))) {
    const other = taken.get(port);
    if (other === undefined) ports.push({ service, host, port });
    else problems.push(`local port ${port} of dependency ${service} is not opened: it is that of ${other} too. Choose another one`);
    taken.set(port, other ?? `dependency ${service}`);
  }
  return { ports, problems };
}

function ownPorts({ inbound, outbound, app }: NodeMetadata, host: string): [number, string][] {
  return Object.entries({ inbound, outbound, app }).flatMap(([what, address]): [number, string][] => {
    const at = splitAddress(address);
    return at && (at.host === host || at.host === "0.0.0.0" || at.host === "::") ? [[at.port, `the ${what} address`]] : [];
  });
}
