/** Whether what an agent, or another control plane, says of itself is borne out by the certificate of its connection. */
import { instanceKey, type RoutingNotice } from "@legation/contract";
import type { preHandlerAsyncHookHandler } from "fastify";
import { sendProblem } from "../api/problem.js";
import { isControlPlane, objectionToClaim } from "../security/claims.js";
import type { SecurityEvents } from "../security/events.js";
import type { OwnCertificate } from "../security/own-leaf.js";
import type { Peer } from "../security/peer.js";

/** What the judgement rests on. */
export interface BorneOutParts {
  readonly certificate: () => OwnCertificate | undefined;
  /** The service of an instance by its key, as the registry says. */
  readonly serviceOf: (instance: string) => string | undefined;
  readonly events: Pick<SecurityEvents, "report">;
}

type Said = Pick<RoutingNotice, "node" | "id"> & Partial<RoutingNotice>;

/**
 * Makes the hook of the channel's routes, which runs after the guard's. A certificate must be that of the service that is spoken for, or a control plane's where a notice
 * is relayed; a refusal is answered 403 and is a security event. Whom Consul knows by an ACL token is judged by that instead: a token
 * that nobody has looked at is none. Without either everybody is believed where Consul uses no ACLs; but as long as control planes have certificates, none but they relay a notice from another machine.
 */
export function createBorneOut(o: BorneOutParts): preHandlerAsyncHookHandler {
  const objectionTo = (peer: Peer, said: Said): string | undefined => {
    const { service } = peer;
    if (said.relayed) {
      if (service ? isControlPlane(service) : peer.loopback || !o.certificate()) return undefined;
      return `only another control plane relays a notice, and the certificate is ${peer.spiffeId ?? "missing"}`;
    }
    return service && objectionToClaim(service, { instance: instanceKey(said.node, said.id), service: said.service }, o.serviceOf);
  };
  return async ({ peer, access, body, query }, reply) => {
    if (access.caller.kind === "token") return undefined;
    const said = (body ?? query) as Said;
    const objection = objectionTo(peer, said);
    if (objection === undefined) return undefined;
    const instance = instanceKey(said.node, said.id);
    const message = `${peer.address} was refused when it spoke for ${instance}: ${objection}`;
    o.events.report({ kind: "claim-refused", subject: peer.spiffeId ?? peer.address, message, detail: { instance } });
    return sendProblem(reply, 403, "channel.not-borne-out", objection);
  };
}
