/** Addresses to listen on or to connect to, `host:port`, and what to say when listening fails. */
import { codeOf, LegationError, messageOf } from "./errors.js";

/** Splits `host:port`; IPv6 hosts stand in brackets, and port 0 means "pick one". Returns undefined for anything else. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || port > 65_535) return undefined;
  return { host, port };
}

/** Writes `host:port`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Says why `what` (such as "xDS") cannot listen on `address`, and that `flag` (such as "--xds-addr") chooses another one.
 * Code `listen.in-use`, `listen.forbidden`, `listen.no-address`, or `listen` for anything else.
 */
export function listenError(error: unknown, options: { address: string; what: string; flag: string }): LegationError {
  const { address, what, flag } = options;
  const { host, port } = parseAddress(address) ?? { host: address, port: address };
  const cannot = `${what} cannot listen on ${address}`;
  const [code, message] = ((): [string, string] => {
    switch (codeOf(error)) {
      case "EADDRINUSE":
        return [
          "listen.in-use",
          `port ${port} is in use by another process: ${cannot}. Stop that process, or choose another address with ${flag}`,
        ];
      case "EACCES":
        return [
          "listen.forbidden",
          `this user may not open port ${port}: ${cannot}. Choose a port of 1024 or above with ${flag}, or grant CAP_NET_BIND_SERVICE`,
        ];
      case "EADDRNOTAVAIL":
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return ["listen.no-address", `${host} is no address of this machine: ${cannot}. Choose another address with ${flag}`];
      default:
        return ["listen", `${cannot}: ${messageOf(error)}. Choose another address with ${flag}`];
    }
  })();
  return new LegationError(code, message, { cause: error });
}
