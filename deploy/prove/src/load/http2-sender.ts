/** Requests over HTTP/2 without TLS on one kept connection, as an ordinary client sends them: no retry, and a limit for each. */
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { answeredBy, type Outcome, type Sender } from "@legation/local";

/** What to ask. */
export interface Http2Request {
  /** Where to connect: an Envoy's outbound listener. */
  readonly url: string;
  readonly authority: string;
  readonly path?: string;
  readonly method?: string;
  /** Milliseconds from sending to the last byte; 15 s by default. */
  readonly timeoutMs?: number;
}

/**
 * Success is a status below 500 with a complete body. A failure's reason is the status with the start of the body, the code of the reset, the connection's error,
 * or "no answer within …". A new connection is made only when the one before has been closed.
 */
export function http2Sender({ url, authority, path = "/", method = "GET", timeoutMs = 15_000 }: Http2Request): Sender {
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    session = connect(url);
    // Every request of a broken connection gets an error of its own.
    session.on("error", () => undefined);
    return session;
  };
  return {
    send: () =>
      new Promise<Outcome>((resolve) => {
        const stream = current().request({ ":path": path, ":method": method, ":authority": authority });
        let status = 0;
        let by: readonly string[] = [];
        let text = "";
        let complete = false;
        let failure: string | undefined;
        stream.setTimeout(timeoutMs, () => {
          failure = `no answer within ${timeoutMs / 1000} s`;
          stream.close(constants.NGHTTP2_CANCEL);
        });
        stream.once("response", (headers) => {
          status = headers[":status"] ?? 0;
          const names = headers[answeredBy.header];
          by = answeredBy(Array.isArray(names) ? names : String(names ?? ""));
        });
        stream.once("end", () => {
          complete = status > 0;
        });
        stream.once("error", (error: NodeJS.ErrnoException) => {
          failure ??= error.code ?? error.message;
        });
        stream.once("close", () => {
          if (stream.rstCode) failure ??= `reset with code ${stream.rstCode}`;
          if (complete && failure === undefined && status < 500) resolve({ ok: true, answeredBy: by });
          else
            resolve({
              ok: false,
              reason: failure ?? (complete ? `${status} ${text.trim().slice(0, 120)}`.trim() : `the stream ended early (${status})`),
              answeredBy: by,
            });
        });
        stream.on("data", (chunk: Buffer) => {
          if (status >= 500 && text.length < 120) text += chunk.toString();
        });
        stream.end();
      }),
    close: () => session?.close(),
  };
}
