/** Who may connect to xDS, and as whom: a proxy is the service of its certificate, and no other. */
import { decodeNodeMetadata } from "@legation/contract";
import type { XdsServerOptions } from "@legation/xds";
import { isControlPlane, objectionToClaim } from "./claims.js";
import type { SecurityEvents } from "./events.js";
import type { OwnCertificate } from "./own-leaf.js";
import { hostOf, identifyPeer, type Peer } from "./peer.js";

/** What the decisions rest on. */
export interface XdsAccessParts {
  readonly certificate: () => OwnCertificate | undefined;
  /** Whether plain text is served; then whoever connects by it is believed. */
  readonly plaintext: boolean;
  /** The service of an instance by its key, as the registry says. */
  readonly serviceOf: (instance: string) => string | undefined;
  readonly events: Pick<SecurityEvents, "report">;
}

const plaintextRefused =
  "plain text is not served here: connect by TLS, with the certificate that Consul's CA issues to the service (the agent's bootstrap does so)";
const certificateMissing =
  "no certificate was shown: connect with the one that Consul's CA issues to the service (the agent's bootstrap does so)";

/** Makes the hooks of the xDS server. Each refusal is a security event, and its sentence is the status that the proxy gets. */
export function createXdsAccess(o: XdsAccessParts): Required<Pick<XdsServerOptions, "authenticate" | "authorize" | "authorizeStatus">> {
  const refuse = (address: string, what: string, why: string): string => {
    o.events.report({ kind: "claim-refused", subject: address, message: `${what} was refused: ${why}` });
    return why;
  };
  return {
    authenticate({ address, tls }): Peer {
      const peer = identifyPeer(address, tls, o.certificate());
      if (typeof peer === "string") throw new Error(refuse(hostOf(address), `an xDS connection of ${address}`, peer));
      if (!peer.tls && !o.plaintext) throw new Error(refuse(peer.address, `an xDS connection of ${address}`, plaintextRefused));
      if (peer.tls && !peer.service) throw new Error(refuse(peer.address, `an xDS connection of ${address}`, certificateMissing));
      return peer;
    },
    authorize(node, identity) {
      const { address, service: peer, spiffeId } = identity as Peer;
      // Authentication has let nobody through without a certificate but where plain text is believed.
      if (!peer) return undefined;
      const metadata = decodeNodeMetadata(node.metadata?.["legation"]);
      const said = [node.cluster, ...(typeof metadata === "string" ? [] : [metadata.service])];
      const objection = said
        .map((service) => objectionToClaim(peer, { instance: node.id, service }, o.serviceOf))
        .find((found) => found !== undefined);
      if (objection === undefined) return undefined;
      return refuse(spiffeId ?? address, `the proxy ${node.id} at ${address}`, objection);
    },
    authorizeStatus(identity) {
      const { address, service, spiffeId } = identity as Peer;
      if (!service || isControlPlane(service)) return undefined;
      const why = `the status of all proxies is for operators, not for ${service.service}: ask a replica of the control plane on its own machine`;
      return refuse(spiffeId ?? address, `a question of ${address} for the status of all proxies`, why);
    },
  };
}
