/** Where Consul is and how it is spoken to, as options or from the environment variables that Consul's own tools read. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@legation/runtime";
import { ConsulError } from "./error.js";
import type { Login } from "./login.js";

/** How to reach one Consul agent. */
export interface ConsulOptions {
  /** `http://host:port`, `https://host:port`, or `host:port` (then `secure` decides, and the port may be left out: 8500). Default `127.0.0.1:8500`. */
  readonly address?: string;
  /** TLS, for an address without a scheme. */
  readonly secure?: boolean;
  /** ACL token, sent as `X-Consul-Token`. */
  readonly token?: string;
  /** A file with the token; stands above `token`. Looked at before each request, so that a changed one counts at once; one that is gone, empty or no token leaves the last one. */
  readonly tokenFile?: string;
  /** Gets a token by logging in; stands above both. */
  readonly login?: Login;
  /** For the age of a login; the machine's unless given. */
  readonly clock?: Clock;
  /** `user:password` for a proxy before Consul that asks for HTTP basic authentication. */
  readonly basicAuth?: string;
  readonly datacenter?: string;
  /** Consul Enterprise only. */
  readonly namespace?: string;
  /** PEM files. `caPath` is a directory of them. */
  readonly caFile?: string;
  readonly caPath?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name to expect in the server's certificate. */
  readonly serverName?: string;
  /** False takes any certificate. Default true. */
  readonly verify?: boolean;
  /** Connections at most; each blocking query holds one while it waits. Default 16, far below Consul's limit of 200 for a client address. */
  readonly maxConnections?: number;
}

/** Reads `CONSUL_HTTP_ADDR`, `_TOKEN`, `_TOKEN_FILE`, `_SSL`, `_SSL_VERIFY`, `_AUTH`, `CONSUL_CACERT`, … with the meaning that the `consul` command gives them. */
export function consulOptionsFromEnv(env: Readonly<Record<string, string | undefined>>): ConsulOptions {
  const text = {
    address: env["CONSUL_HTTP_ADDR"],
    token: env["CONSUL_HTTP_TOKEN"],
    tokenFile: env["CONSUL_HTTP_TOKEN_FILE"],
    basicAuth: env["CONSUL_HTTP_AUTH"],
    namespace: env["CONSUL_NAMESPACE"],
    caFile: env["CONSUL_CACERT"],
    caPath: env["CONSUL_CAPATH"],
    certFile: env["CONSUL_CLIENT_CERT"],
    keyFile: env["CONSUL_CLIENT_KEY"],
    serverName: env["CONSUL_TLS_SERVER_NAME"],
  };
  const set = Object.fromEntries(Object.entries(text).filter(([, value]) => value));
  const secure = flag(env, "CONSUL_HTTP_SSL");
  const verify = flag(env, "CONSUL_HTTP_SSL_VERIFY");
  return { ...set, ...(secure === undefined ? {} : { secure }), ...(verify === undefined ? {} : { verify }) };
}

function flag(env: Readonly<Record<string, string | undefined>>, name: string): boolean | undefined {
  const value = env[name];
  if (!value) return undefined;
  if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(value)) return false;
  throw new ConsulError("consul.config", `${name} is ${JSON.stringify(value)}; write true or false.`);
}

/** Options with files read and the address taken apart. */
export interface ResolvedOptions {
  readonly url: URL;
  /** As they are at this moment. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with each request. */
  readonly query: Readonly<Record<string, string>>;
  readonly tls: {
    readonly ca?: Buffer[];
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  readonly maxConnections: number;
}

/** Reads the files and checks the address. Throws ConsulError `consul.config` that names the option and its fix. */
export function resolveOptions(options: ConsulOptions): ResolvedOptions {
  if (!options.tokenFile && options.token !== undefined) checkToken(options.token, "the ACL token");
  const token = options.tokenFile ? tokenFile(options.tokenFile) : () => options.token;
  const ca = [
    ...(options.caFile ? [read(options.caFile, "CA certificate")] : []),
    ...(options.caPath ? readDirectory(options.caPath).map((file) => read(file, "CA certificate")) : []),
  ];
  if (Boolean(options.certFile) !== Boolean(options.keyFile))
    throw new ConsulError("consul.config", "A client certificate needs both CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY; only one is set.");
  return {
    url: parseAddress(options.address ?? "127.0.0.1:8500", options.secure ?? false),
    get headers() {
      const secret = token();
      return {
        ...(secret ? { "x-consul-token": secret } : {}),
        ...(options.basicAuth ? { authorization: `Basic ${Buffer.from(options.basicAuth).toString("base64")}` } : {}),
      };
    },
    query: { ...(options.datacenter ? { dc: options.datacenter } : {}), ...(options.namespace ? { ns: options.namespace } : {}) },
    tls: {
      ...(ca.length ? { ca } : {}),
      ...(options.certFile ? { cert: read(options.certFile, "client certificate") } : {}),
      ...(options.keyFile ? { key: read(options.keyFile, "client key") } : {}),
      ...(options.serverName ? { servername: options.serverName } : {}),
      rejectUnauthorized: options.verify ?? true,
    },
    maxConnections: options.maxConnections ?? 16,
  };
}

/** No HTTP header can carry these, and no token has them. */
const notInToken = /[^\x21-\x7e]/;

function checkToken(token: string, what: string): void {
  if (!notInToken.test(token)) return;
  throw new ConsulError(
    "consul.config",
    `${what} holds a line break, a space or another character that no token has. Give the token alone.`,
  );
}

/** Reads the token now, and again whenever the file has changed. */
function tokenFile(path: string): () => string {
  const mark = (): string => {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs}`;
  };
  let token = read(path, "token").toString("utf8").trim();
  checkToken(token, `the ACL token in ${path}`);
  let seen = mark();
  return () => {
    try {
      const now = mark();
      if (now === seen) return token;
      const next = readFileSync(path, "utf8").trim();
      if (next !== "" && !notInToken.test(next)) token = next;
      seen = now;
    } catch {
      // It is just being replaced, or gone: the last token may still do.
    }
    return token;
  };
}

function parseAddress(address: string, secure: boolean): URL {
  const wrong = (why: string) =>
    new ConsulError(
      "consul.config",
      `Consul's address ${JSON.stringify(address)} ${why}. Write http://127.0.0.1:8500 (CONSUL_HTTP_ADDR or --consul-addr).`,
    );
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme && scheme !== "http" && scheme !== "https") throw wrong(`has the scheme ${scheme}, which is not spoken here`);
  let url: URL;
  try {
    url = new URL(scheme ? address : `${secure ? "https" : "http"}://${address}`);
  } catch {
    throw wrong("is no address");
  }
  if (url.pathname !== "/" || url.search || url.hash) throw wrong("has a path");
  // `CONSUL_HTTP_SSL` lifts an http:// address too, as it does for the consul command.
  if (secure && url.protocol === "http:") url = new URL(url.href.replace(/^http:/, "https:"));
  if (!scheme && !url.port && !/:\d+$/.test(address)) url.port = "8500";
  return url;
}

function read(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConsulError("consul.config", `The file with Consul's ${what} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch (cause) {
    throw new ConsulError("consul.config", `The directory of CA certificates cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
