/** Where the agent's API stands: `host:port` on loopback, or `unix:/path` of a socket. */
import { parseAddress } from "@legation/runtime/command-line";
import { isLoopback } from "../config/rules.js";

/** The path of a Unix socket, undefined for any other address. */
export function socketPath(address: string): string | undefined {
  return /^unix:([^:]*)/.exec(address)?.[1];
}

/** The address with the path of one service's API behind it. */
export function belowAddress(address: string, path: string): string {
  return socketPath(address) === undefined ? address + path : `${address}:${path}`;
}

/** The address as others are told it: a URL, or `unix:/path` as it is. */
export function adminUrl(address: string): string {
  return socketPath(address) === undefined ? `http://${address}` : address;
}

/** Reads `host:port` (on loopback; port 0 is allowed) or `unix:/path`. */
export function parseAdminAddress(raw: unknown): { readonly value: string } | { readonly problem: string } {
  const text = String(raw);
  const path = socketPath(text);
  if (path !== undefined)
    return path.startsWith("/") && Buffer.byteLength(path) <= longestSocketPath
      ? { value: text }
      : { problem: `${JSON.stringify(text)} is no socket. Write unix:/path, the path of at most ${longestSocketPath} bytes` };
  const at = parseAddress(text);
  if (!at) return { problem: `${JSON.stringify(text)} is not an address. Write 127.0.0.1:19100 or unix:/run/orders.sock` };
  return isLoopback(at.host)
    ? { value: text }
    : { problem: `${JSON.stringify(text)} must be on loopback. Write 127.0.0.1 and a port, or unix:/path` };
}

/** Of `sockaddr_un`, without the NUL at its end. */
const longestSocketPath = 107;
