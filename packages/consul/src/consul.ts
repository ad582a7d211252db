/** A client of one Consul agent: typed answers with Consul's index, and errors that say what to do. */
import { type AclApi, createAclApi } from "./acl.js";
import { type AgentApi, createAgentApi } from "./agent.js";
import { type CaApi, createCaApi } from "./ca.js";
import { ConsulError } from "./error.js";
import { createKv, type Kv } from "./kv.js";
import { withLogin } from "./login.js";
import { type ConsulOptions, resolveOptions } from "./options.js";
import { createTransport, type Reply } from "./transport.js";

/** Query parameters; undefined and false are left out, true is sent as `true`. */
export type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a read may ask for. */
export interface ReadOptions {
  readonly query?: QueryParameters;
  /** A boolean expression of Consul's filter language. */
  readonly filter?: string;
  /** Makes this a blocking query: answered when the index is above this one, or after `waitMs`. Must be > 0. */
  readonly index?: number;
  /** How long a blocking query waits; Consul adds up to a sixteenth. Default 60 s. */
  readonly waitMs?: number;
  /** Any server may answer, with the age of its data in `lastContactMs`. */
  readonly stale?: boolean;
  /** A path that Consul does not have (404) is an answer too, whose `data` is undefined: a key that may come to be. */
  readonly missing?: boolean;
  readonly signal?: AbortSignal;
  /** For an answer that does not block. Default 30 s. */
  readonly timeoutMs?: number;
  /** The ACL token of whoever asks, in place of the client's own. */
  readonly token?: string;
}

/** What a write may ask for. */
export interface WriteOptions {
  readonly query?: QueryParameters;
  readonly signal?: AbortSignal;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /** The ACL token of whoever asks, in place of the client's own. */
  readonly token?: string;
}

/** An answer to a read. */
export interface Answer<T> {
  readonly data: T;
  /** Consul's index of the data; 0 where the path has none. */
  readonly index: number;
  /** False when the server that answered knows no leader: its data may be old. */
  readonly knownLeader: boolean;
  /** Age of a stale read; 0 when the leader answered. */
  readonly lastContactMs: number;
  /** True when Consul (1.11 and later) says that the token's rules hid something. */
  readonly filteredByAcl: boolean;
  /** Size of the body. */
  readonly bytes: number;
}

/** The client. Everything throws ConsulError, or the signal's reason when aborted. */
export interface Consul {
  /** Consul's address, as a URL. */
  readonly address: string;
  /** `path` is below `/v1`; encode its parts with `encodeURIComponent`. */
  get<T>(path: string, options?: ReadOptions): Promise<Answer<T>>;
  /** A Uint8Array is sent as it is, everything else as JSON. Resolves to the decoded body, undefined when it is empty. */
  put<T>(path: string, body?: unknown, options?: WriteOptions): Promise<T>;
  del<T>(path: string, options?: WriteOptions): Promise<T>;
  post<T>(path: string, body?: unknown, options?: WriteOptions): Promise<T>;
  /** The ACL token that requests are sent with at this moment; undefined without one. Logs in first where that is configured. */
  token(): Promise<string | undefined>;
  readonly acl: AclApi;
  readonly agent: AgentApi;
  readonly ca: CaApi;
  readonly kv: Kv;
  /** Closes all connections; requests that run fail. */
  close(): void;
}

const defaultWait = 60_000;
const defaultTimeout = 30_000;

/** Makes a client; connects with the first request. Throws ConsulError `consul.config` on wrong options. */
export function createConsul(options: ConsulOptions): Consul {
  const plain = createTransport(resolveOptions(options));
  const transport = options.login ? withLogin(plain, options.login, options.clock) : plain;
  const where = (path: string) => `${transport.address}/v1${path}`;

  async function get<T>(path: string, read: ReadOptions = {}): Promise<Answer<T>> {
    const blocking = read.index !== undefined && read.index > 0;
    const waitMs = read.waitMs ?? defaultWait;
    const reply = await transport.send({
      method: "GET",
      path,
      query: {
        ...encodeQuery(read.query),
        ...(read.filter ? { filter: read.filter } : {}),
        ...(read.stale ? { stale: "" } : {}),
        ...(blocking ? { index: String(read.index), wait: `${waitMs}ms` } : {}),
      },
      timeoutMs: blocking ? waitMs + waitMs / 16 + 10_000 : (read.timeoutMs ?? defaultTimeout),
      // Consul may have restarted without its data: there the old index would block for long, and nobody would know.
      repeatable: !blocking,
      ...(read.missing ? { missing: true } : {}),
      ...(read.signal ? { signal: read.signal } : {}),
      ...(read.token ? { token: read.token } : {}),
    });
    const header = (name: string) => String(reply.headers[name] ?? "");
    return {
      data: decode<T>(reply, where(path)) as T,
      index: Number(header("x-consul-index")) || 0,
      knownLeader: header("x-consul-knownleader") !== "false",
      lastContactMs: Number(header("x-consul-lastcontact")) || 0,
      filteredByAcl: header("x-consul-results-filtered-by-acls") === "true",
      bytes: reply.body.length,
    };
  }

  async function write<T>(method: "PUT" | "DELETE" | "POST", path: string, body: unknown, o: WriteOptions = {}): Promise<T> {
    const reply = await transport.send({
      method,
      path,
      query: encodeQuery(o.query),
      ...(body === undefined ? {} : { body }),
      timeoutMs: o.timeoutMs ?? defaultTimeout,
      repeatable: false,
      ...(o.signal ? { signal: o.signal } : {}),
      ...(o.token ? { token: o.token } : {}),
    });
    return decode<T>(reply, where(path)) as T;
  }

  const put = <T>(path: string, body?: unknown, o?: WriteOptions) => write<T>("PUT", path, body, o);
  const del = <T>(path: string, o?: WriteOptions) => write<T>("DELETE", path, undefined, o);
  const post = <T>(path: string, body?: unknown, o?: WriteOptions) => write<T>("POST", path, body, o);
  const base = { get, put, del, post };
  return {
    ...base,
    address: transport.address,
    token: () => transport.token(),
    acl: createAclApi(base),
    agent: createAgentApi(base),
    ca: createCaApi(base),
    kv: createKv(base),
    close: () => transport.close(),
  };
}

function encodeQuery(query: QueryParameters = {}): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== false) out[key] = String(value);
  return out;
}

function decode<T>(reply: Reply, url: string): T | undefined {
  if (reply.body.length === 0) return undefined;
  const type = String(reply.headers["content-type"] ?? "").split(";")[0];
  if (type !== "application/json")
    throw new ConsulError(
      "consul.bad-answer",
      `${url} answered with ${type || "no content type"} instead of JSON: is that Consul's HTTP address?`,
    );
  try {
    return JSON.parse(reply.body.toString("utf8")) as T;
  } catch (cause) {
    throw new ConsulError("consul.bad-answer", `${url} answered with broken JSON: ${(cause as Error).message}.`, { cause });
  }
}
