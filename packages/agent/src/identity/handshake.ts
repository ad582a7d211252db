/** A mutual TLS handshake of an instance with its own inbound address, as a caller makes it. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { certificateFiles } from "@legation/contract";
import { type Clock, certificateUri } from "@legation/runtime";
import { connectProblem } from "../http-exchange.js";

/** What it is made with. */
export interface HandshakeOptions {
  readonly host: string;
  readonly port: number;
  /** With `certificateFiles`. */
  readonly certificates: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** For the whole handshake, milliseconds. */
const limitMs = 3_000;
/** With TLS 1.3 a server refuses a client's certificate only after the client is done; milliseconds. */
const refusalMs = 300;

/**
 * Resolves to undefined when the other side has taken this instance's certificate and has shown the same SPIFFE ID under a root of the mesh,
 * else to what is wrong. Rejects when the files cannot be read, and with the signal's reason.
 */
export async function tryHandshake({ host, port, certificates, clock, signal }: HandshakeOptions): Promise<string | undefined> {
  const read = (name: string): Promise<Buffer> => readFile(join(certificates, name));
  const [cert, key, ca] = await Promise.all([read(certificateFiles.leaf), read(certificateFiles.key), read(certificateFiles.roots)]);
  const own = certificateUri({ subjectaltname: new X509Certificate(cert).subjectAltName ?? "" });
  if (own === undefined) return "its own certificate names no SPIFFE ID";
  signal.throwIfAborted();
  return await new Promise<string | undefined>((resolve, reject) => {
    const socket = connect({ host, port, cert, key, ca, checkServerIdentity: (_host, shown) => otherThan(own, certificateUri(shown)) });
    const limit = clock.timeout(limitMs, () => settle(() => resolve(`no handshake within ${limitMs} ms`)));
    let refusal: { cancel(): void } | undefined;
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    const settle = (done: () => void): void => {
      limit.cancel();
      refusal?.cancel();
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      done();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("secureConnect", () => {
      refusal = clock.timeout(refusalMs, () => settle(() => resolve(undefined)));
    });
    // Only a server that is content goes on speaking: a session ticket, or data.
    socket.once("session", () => settle(() => resolve(undefined)));
    socket.once("data", () => settle(() => resolve(undefined)));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(() => resolve(problemOf(error))));
    socket.once("close", () => settle(() => resolve("ended the connection within the handshake")));
  });
}

function otherThan(own: string, shown: string | undefined): Error | undefined {
  return shown === own ? undefined : new Error(`shows the certificate of ${shown ?? "nobody"}, not of ${own}`);
}

function problemOf(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  if (code.includes("ALERT")) return `refuses the handshake (${code})`;
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return `does not speak TLS there (${code})`;
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED/.test(code)) return `shows a certificate that the roots do not vouch for (${code})`;
  return code === "" ? error.message : connectProblem(error);
}
