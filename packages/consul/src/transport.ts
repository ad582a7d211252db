/**
 * One HTTP exchange with Consul through the `consul` package's client, closing what it leaves open: an abort by signal, a bound on
 * connections, an answer that breaks off in its middle (it would wait for its timeout), IPv6 addresses, and a kept connection
 * that Consul closed just when it was used again.
 */
import { EventEmitter } from "node:events";
import http from "node:http";
import https from "node:https";
import Client from "consul";
import { type Asked, refusal, unreachable } from "./error.js";
import type { ResolvedOptions } from "./options.js";

/** A request; times in milliseconds. */
export interface Exchange {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Sent instead of the configured token. */
  readonly token?: string;
  /** Below `/v1`, its parts already encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs: number;
  /** It may be sent again by itself when a kept connection turns out to be closed. */
  readonly repeatable: boolean;
  /** A 404 is an answer too, with an empty body. */
  readonly missing?: boolean;
  readonly signal?: AbortSignal;
}

/** A whole answer of status 2xx, or of 404 to an exchange with `missing`. */
export interface Reply {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends requests. */
export interface Transport {
  /** Consul's address, as a URL without a path. */
  readonly address: string;
  /** Throws ConsulError, or the signal's reason. */
  send(exchange: Exchange): Promise<Reply>;
  /** The token that is sent now, unless an exchange has its own; undefined without one. */
  token(): Promise<string | undefined>;
  /** Closes all connections. */
  close(): void;
}

/** What the `consul` package's base class (papi) takes and gives; its published types leave these out. */
interface PapiClient {
  _request(options: {
    method: string;
    path: string;
    query: Record<string, string>;
    headers: Record<string, string>;
    body?: unknown;
    type?: string;
    buffer: true;
    timeout: number;
    ctx: EventEmitter;
    exts: { onRequest(request: PapiRequest, next: () => void): void };
  }): Promise<http.IncomingMessage & { body?: Buffer }>;
}

interface PapiRequest {
  req: http.RequestOptions;
  transport: { request(options: http.RequestOptions): http.ClientRequest };
}

interface PapiFailure extends Error {
  readonly response?: http.IncomingMessage & { body?: Buffer };
}

/**
 * Milliseconds after which a connection without a request is closed. Consul allows 200 connections per client address: kept from one
 * heartbeat to the next, they would be used up by 200 agents on one machine.
 */
const idleMs = 1_000;

/** Makes the transport; no connection is opened before the first request. */
export function createTransport(options: ResolvedOptions): Transport {
  const { url } = options;
  const secure = url.protocol === "https:";
  const { maxConnections } = options;
  const bounds = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets: maxConnections, maxFreeSockets: maxConnections, timeout: idleMs };
  const agent = secure ? new https.Agent({ ...bounds, ...options.tls }) : new http.Agent(bounds);
  const address = url.origin;
  const client = new Client({
    host: url.hostname,
    port: Number(url.port || (secure ? 443 : 80)),
    secure,
    agent,
  }) as unknown as PapiClient;

  async function attempt(exchange: Exchange, again: boolean): Promise<Reply> {
    const { method, path, query, body, timeoutMs, signal } = exchange;
    const asked: Asked = { method, path, address };
    signal?.throwIfAborted();
    const ctx = new EventEmitter();
    const cancel = () => ctx.emit("cancel");
    signal?.addEventListener("abort", cancel, { once: true });
    let sent: http.ClientRequest | undefined;
    try {
      const response = await client._request({
        method,
        path,
        query: { ...options.query, ...query },
        headers: { ...options.headers, ...(exchange.token ? { "x-consul-token": exchange.token } : {}) },
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : body, type: "json" }),
        buffer: true,
        timeout: timeoutMs,
        ctx,
        exts: {
          onRequest(request, next) {
            const { transport } = request;
            const host = request.req.hostname?.replace(/^\[(.*)\]$/, "$1");
            request.req = { ...request.req, ...(host ? { hostname: host } : {}) };
            request.transport = {
              request(requestOptions) {
                sent = failWhenCutShort(transport.request(requestOptions));
                return sent;
              },
            };
            next();
          },
        },
      });
      return { headers: response.headers, body: response.body ?? Buffer.alloc(0) };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const { response } = error as PapiFailure;
      if (response?.statusCode === 404 && exchange.missing) return { headers: response.headers, body: Buffer.alloc(0) };
      if (response?.statusCode) throw refusal(asked, response.statusCode, response.body?.toString("utf8") ?? "");
      const stale = sent?.reusedSocket && ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (stale && again && exchange.repeatable) return attempt(exchange, false);
      throw unreachable(asked, withoutPrefix(error));
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  return {
    address,
    send: (exchange) => attempt(exchange, true),
    token: async () => options.headers["x-consul-token"],
    close: () => agent.destroy(),
  };
}

/** Makes a request fail when its answer ends before it is whole. */
function failWhenCutShort(request: http.ClientRequest): http.ClientRequest {
  return request.once("response", (response: http.IncomingMessage) => {
    response.once("close", () => {
      if (!response.complete) request.emit("error", Object.assign(new Error("the answer broke off"), { code: "ECONNRESET" }));
    });
  });
}

/** Takes off the "consul: " that the package puts before the messages of its errors. */
function withoutPrefix(error: unknown): unknown {
  if (error instanceof Error) error.message = error.message.replace(/^(consul: )+/, "");
  return error;
}
