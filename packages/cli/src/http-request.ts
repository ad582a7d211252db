/** One HTTP request of a command: in plain text or by TLS, where a control plane is known by its SPIFFE ID. */
import { type ClientRequest, request as requestHttp } from "node:http";

/** What to ask. */
export interface HttpRequest {
  readonly method: string;
  /** For the whole answer, milliseconds. */
  readonly limitMs: number;
  /** Sent as `X-Consul-Token`. */
  readonly token?: string;
  /** PEM of the CA; the machine's own authorities without it. */
  readonly ca?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Called when all of it has been sent: from then on it may have been done, whatever becomes of the answer. */
  readonly onSent?: () => void;
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Seconds. */
  readonly retryAfter?: string;
}

/** Asks once. Rejects with Node's error, and with a TimeoutError after the limit. */
export async function httpRequest(url: string, { method, limitMs, token, ca, body, onSent }: HttpRequest): Promise<HttpAnswer> {
  const signal = AbortSignal.timeout(limitMs);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = { accept: "application/json" };
  if (token !== undefined) headers["x-consul-token"] = token;
  if (text !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(text));
  }
  const options = { method, headers, signal, agent: false } as const;
  try {
    // Loaded only where it is needed.
    const requestSecurely = url.startsWith("https:") ? (await import("./secure-request.js")).requestSecurely : undefined;
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const asked: ClientRequest = requestSecurely?.(url, { ...options, ...(ca === undefined ? {} : { ca }) }) ?? requestHttp(url, options);
      asked.once("error", reject);
      if (onSent) asked.once("finish", onSent);
      asked.once("response", (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.once("error", reject);
        response.once("end", () => {
          const retryAfter = response.headers["retry-after"];
          const answer = { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") };
          resolve(retryAfter === undefined ? answer : { ...answer, retryAfter });
        });
      });
      asked.end(text);
    });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
