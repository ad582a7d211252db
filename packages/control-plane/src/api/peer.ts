/** The peer of each request: who its connection's certificate says that it is. */
import { tlsPeer } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import type { SecurityEvents } from "../security/events.js";
import type { OwnCertificate } from "../security/own-leaf.js";
import { identifyPeer, type Peer } from "../security/peer.js";
import { sendProblem } from "./problem.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Known before any other hook runs. */
    peer: Peer;
  }
}

/** What the judgement needs. */
export interface PeerParts {
  readonly certificate: () => OwnCertificate | undefined;
  readonly events: Pick<SecurityEvents, "report">;
}

/** Gives every later request its `peer`. One that shows a certificate which proves nothing is answered 401, whatever it asks for. */
export function knowPeers(app: FastifyInstance, o: PeerParts): void {
  app.decorateRequest("peer", null as unknown as Peer);
  app.addHook("onRequest", async (request, reply) => {
    const { socket } = request.raw;
    const found = identifyPeer(`${socket.remoteAddress ?? ""}:0`, tlsPeer(socket), o.certificate());
    if (typeof found !== "string") {
      request.peer = found;
      return;
    }
    const address = socket.remoteAddress ?? "an unknown address";
    o.events.report({ kind: "claim-refused", subject: address, message: `a request of ${address} to the API was refused: ${found}` });
    return sendProblem(reply, 401, "peer.certificate", found);
  });
}
