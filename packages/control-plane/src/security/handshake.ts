/** Failed TLS handshakes as security events. */
import type { Socket } from "node:net";
import { codeOf } from "@legation/runtime";
import type { SecurityEvents } from "./events.js";
import { originOf } from "./origin.js";

/** Makes what a port calls when a handshake fails; `where` is the port in words. */
export function reportHandshake(where: string, events: Pick<SecurityEvents, "report">): (error: Error, socket: Socket) => void {
  return (error, socket) => {
    const address = socket.remoteAddress ?? "an unknown address";
    const why = codeOf(error) ?? error.message;
    events.report({
      kind: "handshake-refused",
      subject: originOf(address),
      message: `a TLS handshake of ${address} with ${where} failed: ${why}`,
    });
  };
}
