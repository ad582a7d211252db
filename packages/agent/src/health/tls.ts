/** How a check speaks TLS, and what to call it when that fails. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connectProblem } from "../http-exchange.js";

/** What the other side's certificate is held against. */
export interface TlsOptions {
  /** Path of a PEM file with the accepted authorities; those of the system unless given. */
  readonly ca?: string;
  /** The name that is asked for (SNI) and that the certificate must have; the host unless given. */
  readonly serverName?: string;
  /** Takes any certificate. */
  readonly insecure: boolean;
}

/** The options as `node:tls` knows them. Throws when the CA file cannot be read. */
export function tlsSettings({ ca, serverName, insecure }: TlsOptions): {
  readonly ca?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
} {
  return {
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(serverName === undefined || isIP(serverName) ? {} : { servername: serverName }),
    rejectUnauthorized: !insecure,
  };
}

/** Why a connection failed, over TLS or not, in stable words. */
export function tlsProblem(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return "does not speak TLS as it should";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "has a certificate for another name";
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED/.test(code)) return `has a certificate that is not trusted (${code})`;
  return connectProblem(error);
}
