/** The port on which proxies connect. */
import type { Logger } from "@legation/runtime";
import type { XdsPort, XdsServer } from "@legation/xds";
import type { SecurityEvents } from "./security/events.js";
import { reportHandshake } from "./security/handshake.js";

/** Listens at `address`; what cannot be accepted is logged, and a handshake that is refused is a security event. Rejects when the address cannot be had. */
export function openXdsPort(xds: Pick<XdsServer, "listen">, address: string, events: SecurityEvents, log: Logger): Promise<XdsPort> {
  return xds.listen(address, {
    flag: "--xds-addr",
    // Without TLS plain text is spoken, also where it is not served, so that a refusal can say so.
    plaintext: true,
    clientCertificate: "optional",
    onError: (error) =>
      log.error({ event: "xds.accept-failed", err: error }, `a proxy's connection could not be accepted: ${error.message}`),
    onRefused: reportHandshake("xDS", events),
  });
}
