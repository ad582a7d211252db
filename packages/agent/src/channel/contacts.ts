/**
 * How the control planes are reached: by mutual TLS where the registry says that they serve it and this instance has a certificate, and then
 * only a control plane is spoken to; else as their address is configured, with the ACL token of this instance in place of the certificate.
 */
import type { Consul } from "@legation/consul";
import { controlPlaneService, serviceIdentityOf, spiffeId } from "@legation/contract";
import { type Clock, type Logger, messageOf, mustHaveUri } from "@legation/runtime";
import { listControlPlanes } from "../control-planes.js";
import { type Answer, type ClientTls, type ExchangeOptions, exchange } from "../http-exchange.js";
import { readLeaf } from "../identity/certificate.js";
import { readCertificates } from "../identity/files.js";

/** One way to a control plane. */
export interface Contact {
  /** Without a slash at the end. */
  readonly url: string;
  readonly tls?: ClientTls;
  /** The token, where no certificate says who this is. */
  readonly headers: Readonly<Record<string, string>>;
}

/** See the file's sentence. */
export interface Contacts {
  /** The way to a configured address. */
  at(api: string): Promise<Contact>;
  /** Asks by that way. One on loopback that serves no TLS now is asked in plain text: it may have started while Consul was away. */
  ask(api: string, path: string, options: ExchangeOptions): Promise<Answer>;
  /** Learns from the registry who serves TLS, when that was longer ago than half a minute. Never rejects. */
  learn(): Promise<void>;
}

/** What they are made from. */
export interface ContactsOptions {
  readonly consul: Pick<Consul, "get" | "token">;
  /** The directory of this instance's certificate, while it has one. */
  readonly certificates: () => string | undefined;
  /** All control planes are known to serve TLS, whatever their addresses are called in the registry. */
  readonly allServeTls: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

const learnEveryMs = 30_000;
/** After TLS was not to be had at a loopback address, plain text is spoken there for this long; milliseconds. */
const plainForMs = 10_000;

/** Creates them; nobody is known to serve TLS before `learn`. */
export function createContacts(o: ContactsOptions): Contacts {
  const { clock, log } = o;
  let secure: ReadonlySet<string> = new Set();
  let nextLearn = 0;
  const plainUntil = new Map<string, number>();

  const clientTls = (): ClientTls | undefined => {
    const directory = o.certificates();
    const found = directory === undefined ? undefined : readCertificates(directory);
    const own = found && serviceIdentityOf(readLeaf(found.leaf).spiffeId);
    if (!found || !own) return undefined;
    return {
      cert: found.leaf.chain,
      key: found.leaf.key,
      ca: [...found.roots],
      minVersion: "TLSv1.2",
      checkServerIdentity: mustHaveUri(spiffeId({ ...own, service: controlPlaneService }), "a control plane's"),
    };
  };

  const byToken = async (url: string): Promise<Contact> => {
    // Without Consul there may be no token to be had, and where Consul uses no ACLs none is needed.
    const token = await o.consul.token().catch(() => undefined);
    return { url, headers: token === undefined ? {} : { "x-consul-token": token } };
  };

  const at = async (api: string): Promise<Contact> => {
    const url = api.replace(/\/$/, "");
    const { protocol, host } = new URL(url);
    const serves = secure.has(addressOf(host)) || o.allServeTls();
    if (!serves || (plainUntil.get(api) ?? 0) > clock.monotonic()) return byToken(url);
    const tls = clientTls();
    return tls ? { url: url.replace(protocol, "https:"), tls, headers: {} } : byToken(url);
  };

  return {
    at,
    async ask(api, path, options) {
      const { url, tls, headers } = await at(api);
      if (!tls) return exchange(url + path, { ...options, headers });
      try {
        return await exchange(url + path, { ...options, tls });
      } catch (error) {
        if (!isClosed(error) || !isLoopback(api)) throw error;
        log.warn(
          { event: "channel.plain", api, problem: messageOf(error) },
          `${api} serves no TLS at the moment: speaking plain text on loopback`,
        );
        plainUntil.set(api, clock.monotonic() + plainForMs);
        const plain = await byToken(api.replace(/\/$/, ""));
        return exchange(plain.url + path, { ...options, headers: plain.headers });
      }
    },
    async learn() {
      if (clock.monotonic() < nextLearn || o.certificates() === undefined) return;
      nextLearn = clock.monotonic() + learnEveryMs;
      try {
        const listed = await listControlPlanes(o.consul);
        secure = new Set(listed.flatMap(({ address, servesTls }) => (servesTls ? [address] : [])));
      } catch (error) {
        log.debug({ event: "channel.contacts-unknown", problem: messageOf(error) }, "Consul does not say which control planes serve TLS");
      }
    },
  };
}

function isLoopback(api: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(api).hostname);
}

/** `localhost` stands for its address, under which a control plane registers. */
function addressOf(host: string): string {
  return host.replace(/^localhost(?=:|$)/, "127.0.0.1");
}

/** A control plane without a certificate hangs up on TLS; one with a wrong certificate does not. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && /closed the connection|EPROTO|before secure TLS/.test(`${error.message} ${messageOf(error.cause)}`);
}
