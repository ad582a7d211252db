/** Where a request comes from, as far as clients are told apart by it. */

/**
 * An IPv4 address as it is, also where IPv6 wraps it. Of an IPv6 address its /64, written `2001:db8:0:1::/64`: that much one client has to choose
 * from (RFC 6177), and would else be another client with each request. What is no address comes back as it is.
 */
export function originOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [host = ""] = address.split("%");
  if (!host.includes(":")) return address;
  // The machine itself is one client.
  if (host === "::1") return host;
  const [head = "", tail] = host.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = !tail ? [] : tail.split(":");
  const dotted = after.at(-1)?.includes(".") || before.at(-1)?.includes(".") ? 1 : 0;
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length - dotted;
  const groups = [...before, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...after];
  const network = groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
