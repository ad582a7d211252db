/** Where callers reach an instance, and whether that is an IP address or a host name. */
import type { Instance } from "./instance.js";

/** Where callers in the mesh send requests: the instance's Envoy if it has one, else the application itself. */
export function addressOf(instance: Instance): { readonly host: string; readonly port: number } {
  const { address, port } = instance.mesh ?? instance;
  return { host: address, port };
}

/** Says what makes an instance unreachable by its registration, or nothing when it has a usable host and port. */
export function addressProblem(instance: Instance): string | undefined {
  const { host, port } = addressOf(instance);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return `port ${port} is not one of 1 to 65535: register it with the port it listens on`;
  if (isUnspecified(host)) return `address "${host}" leads every caller to itself: register the address of its machine`;
  if (isIp(host) || isHostName(host)) return undefined;
  return `address "${host}" is neither an IP address nor a host name: register it with one`;
}

/** True for an IPv4 address in dotted decimal or an IPv6 address without zone, as Envoy's socket addresses want them. */
export function isIp(host: string): boolean {
  return isIpv4(host) || isIpv6(host);
}

/** 0.0.0.0 and `::` in any spelling: addresses to listen on, and on a caller's machine the caller's own. */
function isUnspecified(host: string): boolean {
  return isIp(host) && /^[0.:]+$/.test(host);
}

function isIpv4(host: string): boolean {
  const parts = host.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** RFC 4291 §2.2: eight groups, `::` at most once for one or more of zero, the last two perhaps as an IPv4 address. */
function isIpv6(host: string): boolean {
  const halves = host.split("::");
  if (!host.includes(":") || halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const quad = last.includes(".");
  if (quad && (!isIpv4(last) || host.endsWith("::"))) return false;
  const plain = quad ? groups.slice(0, -1) : groups;
  const count = plain.length + (quad ? 2 : 0);
  return plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? count <= 7 : count === 8);
}

/** RFC 1123 host names, with the underscore that internal names often have; all-numeric last labels are broken IP addresses. */
function isHostName(host: string): boolean {
  const labels = host.replace(/\.$/, "").split(".");
  if (host.length > 253 || /^\d*$/.test(labels.at(-1) ?? "")) return false;
  return labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}
