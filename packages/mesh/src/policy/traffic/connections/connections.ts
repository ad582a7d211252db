/** The connections between Envoys, and from an Envoy to its application. */
import { z } from "zod";
import { aspect } from "../aspect.js";
import { durationField, milliseconds } from "../duration.js";

/** The settings of connections, in milliseconds. */
export interface ConnectionSettings {
  /** TCP connect and TLS handshake together. */
  readonly connectTimeout: number;
  /** An unused connection to a service is closed after this. */
  readonly idleTimeout: number;
  /** An unused connection from Envoy to its own application: shorter than the 5 s after which Node and many others close theirs. */
  readonly appIdleTimeout: number;
  /** A caller with a certificate replaces a connection after this, so that certificates are checked again, and plain text ends. */
  readonly lifetime: number;
  /** TCP probes begin after this time of silence, and HTTP/2 pings are sent this often. */
  readonly keepalive: number;
}

/** The aspect. */
export const connections = aspect({
  schema: z
    .strictObject({
      connectTimeout: durationField("1ms", "1m").optional().describe("To connect, with the TLS handshake. 1s unless given."),
      idleTimeout: durationField("1s", "24h").optional().describe("An unused connection is closed after this. 60s unless given."),
      appIdleTimeout: durationField("100ms", "24h")
        .optional()
        .describe("The same from the proxy to its own application: shorter than the application's own. 4s unless given."),
      lifetime: durationField("10s", "24h")
        .optional()
        .describe("A connection by mutual TLS is replaced after this, so that certificates are checked again. 10m unless given."),
      keepalive: durationField("1s", "1h").optional().describe("Silence after which a peer is probed. 30s unless given."),
    })
    .describe("The connections to the instances."),
  defaults: {
    connectTimeout: 1_000,
    idleTimeout: 60_000,
    appIdleTimeout: 4_000,
    lifetime: 600_000,
    keepalive: 30_000,
  } satisfies ConnectionSettings as ConnectionSettings,
  over(written, below) {
    const of = (key: keyof ConnectionSettings) => {
      const text = written[key];
      return text === undefined ? below[key] : milliseconds(text);
    };
    return {
      connectTimeout: of("connectTimeout"),
      idleTimeout: of("idleTimeout"),
      appIdleTimeout: of("appIdleTimeout"),
      lifetime: of("lifetime"),
      keepalive: of("keepalive"),
    };
  },
});
