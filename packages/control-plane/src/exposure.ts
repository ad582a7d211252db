/** What the log says at start about who can reach the proxies' port. */
import type { Logger } from "@legation/runtime";
import { isLoopback } from "./config.js";

/** Warns of xDS in plain text where others than this machine reach it, and says when it is for TLS alone. */
export function warnOfExposure(o: { xdsHost: string; plaintext: boolean; log: Logger }): void {
  const { xdsHost, plaintext, log } = o;
  if (plaintext && !isLoopback(xdsHost))
    log.warn(
      { event: "xds.insecure", host: xdsHost },
      `xDS IS SERVED IN PLAIN TEXT on ${xdsHost}: whoever reaches it can read the whole mesh`,
    );
  if (!plaintext)
    log.info(
      { event: "xds.tls-only", host: xdsHost },
      `xDS on ${xdsHost} is for TLS alone: proxies can connect once Consul's CA has given this control plane a certificate`,
    );
}
