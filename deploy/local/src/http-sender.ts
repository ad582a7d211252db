/** Requests over HTTP/1.1 with keep-alive, as an ordinary client sends them: no retry, and a limit for each. */
import { Agent, type IncomingMessage, request } from "node:http";
import { answeredBy } from "./answered-by.js";
import type { Sender } from "./load.js";
import type { Outcome } from "./tally.js";

/** What to ask. */
export interface HttpRequest {
  /** Where to connect, and the path: an Envoy's inbound listener, or its outbound one with the service in the `host` header. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  /** Milliseconds from sending to the last byte; 15 s by default. */
  readonly timeoutMs?: number;
  /** Which statuses are a success; by default those below 500. */
  readonly succeeds?: (status: number) => boolean;
}

/**
 * Success is a status that `succeeds`, with a complete body. A failure's reason is the status with the start of the body, the socket's error,
 * or "no answer within …".
 */
export function httpSender({ url, headers = {}, method = "GET", timeoutMs = 15_000, succeeds = below500 }: HttpRequest): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 64 });
  return {
    send: () =>
      new Promise<Outcome>((resolve) => {
        const signal = AbortSignal.timeout(timeoutMs);
        const sent = request(url, { agent, headers, method, signal }, (response) => read(response, succeeds, resolve));
        sent.once("error", (error: NodeJS.ErrnoException) =>
          resolve({ ok: false, reason: signal.aborted ? `no answer within ${timeoutMs / 1000} s` : (error.code ?? error.message) }),
        );
        sent.end();
      }),
    close: () => agent.destroy(),
  };
}

const below500 = (status: number) => status < 500;

function read(response: IncomingMessage, succeeds: (status: number) => boolean, resolve: (outcome: Outcome) => void): void {
  const status = response.statusCode ?? 0;
  const ok = succeeds(status);
  const by = answeredBy(response.headers[answeredBy.header]);
  let text = "";
  response.on("data", (chunk: Buffer) => {
    if (!ok && text.length < 120) text += chunk.toString();
  });
  response.once("error", () => resolve({ ok: false, reason: `${status}, then the connection broke`, answeredBy: by }));
  response.once("end", () =>
    resolve(ok ? { ok: true, answeredBy: by } : { ok: false, reason: `${status} ${text.trim().slice(0, 120)}`.trim(), answeredBy: by }),
  );
}
