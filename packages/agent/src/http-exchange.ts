/** One HTTP exchange with a limit on time and size; the agent's only HTTP client. */
import { type Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { ConnectionOptions, SecureContextOptions } from "node:tls";

/** The certificate to show, and whom to believe. */
export type ClientTls = SecureContextOptions & Pick<ConnectionOptions, "checkServerIdentity">;

/** What to ask. */
export interface ExchangeOptions {
  readonly method?: "GET" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON when it is not a string. */
  readonly body?: unknown;
  /** From the first byte asked to the last one answered, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly agent?: Agent;
  /** For an https address. */
  readonly tls?: ClientTls;
  /** More of the body is thrown away. Default 1 MiB. */
  readonly maxBytes?: number;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Asks once and reads the answer. Rejects with an Error whose message says in a few stable words why there is none: "refused the
 * connection", "did not answer within 5000 ms". A kept connection that the other side had just closed is tried once more.
 */
export async function exchange(url: string, options: ExchangeOptions): Promise<Answer> {
  try {
    return await once(url, options);
  } catch (error) {
    if (error instanceof StaleConnection) return await once(url, options);
    throw error;
  }
}

class StaleConnection extends Error {}

function once(url: string, options: ExchangeOptions): Promise<Answer> {
  const body = options.body === undefined || typeof options.body === "string" ? options.body : JSON.stringify(options.body);
  const headers: Record<string, string> = { ...options.headers };
  if (body !== undefined && typeof options.body !== "string") headers["content-type"] = "application/json";
  if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));
  return new Promise((resolve, reject) => {
    const ask = url.startsWith("https:") ? requestHttps : requestHttp;
    const timeout = AbortSignal.timeout(options.timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const fail = (error: NodeJS.ErrnoException): void => {
      if (timeout.aborted) reject(new Error(`did not answer within ${options.timeoutMs} ms`, { cause: error }));
      else if (request.reusedSocket && error.code === "ECONNRESET") reject(new StaleConnection("the kept connection was closed"));
      else reject(new Error(connectProblem(error), { cause: error }));
    };
    const how = { ...options.tls, method: options.method ?? "GET", headers, signal, agent: options.agent };
    const request = ask(url, how, (response) => {
      collect(response, options.maxBytes ?? 1024 * 1024).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), fail);
    });
    request.once("error", fail);
    request.end(body);
  });
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size < maxBytes) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString("utf8").slice(0, maxBytes);
}

/** Why a connection failed, in stable words (no addresses, no times). */
export function connectProblem(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "refused the connection";
    case "ECONNRESET":
    case "EPIPE":
      return "closed the connection";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "has a host name that does not resolve";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "is not reachable";
    case "ABORT_ERR":
      return "was given up";
    default:
      return error.code ? `failed with ${error.code}` : error.message;
  }
}
