/** What names, addresses and metadata must be like. Each rule returns undefined, or a sentence that says what is wrong and the fix. */
import { metaLimits, serviceNameProblem } from "@legation/contract";

/** A service's name is a DNS label (the contract's rule), said as it goes on behind the quoted name, with the nearest one that would do. */
export function nameProblem(value: string): string | undefined {
  const problem = serviceNameProblem(value)?.replace(/^".*?" (?=is not a DNS label)/s, "");
  const meant = value
    .replaceAll(/[^A-Za-z0-9-]+/g, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, "");
  return problem && meant ? `${problem}, such as ${meant}` : problem;
}

/** A duration of no less than that; `written` is the same for people. */
export function atLeast(least: number, written: string): (value: number) => string | undefined {
  return (value) => (value < least ? `is too short. Write ${written} or more` : undefined);
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** An address that must not be reachable from other machines. */
export function loopbackProblem(value: string): string | undefined {
  return isLoopback(value.slice(0, value.lastIndexOf(":"))) ? undefined : "must be on loopback. Write 127.0.0.1 and a port";
}

/** True where what listens on one host and what listens on the other cannot have the same port. */
export function sameHost(a: string, b: string): boolean {
  const [one, other] = [a, b].map((host) => (host === "localhost" ? "127.0.0.1" : host.replace(/^\[(.*)\]$/, "$1")));
  const everywhere = ["0.0.0.0", "::"];
  return one === other || everywhere.includes(one ?? "") || everywhere.includes(other ?? "");
}

const reserved = ["version", "protocol", "region", "zone"];

/** What is wrong with the user's metadata by Consul's limits; `used` keys are Legation's own in the same registration. */
export function metaProblems(meta: Readonly<Record<string, string>>, used: number): string[] {
  const problems = Object.entries(meta).flatMap(([key, value]) => {
    if (reserved.includes(key)) return [`the key ${key} has an option of its own. Write ${key} at the top, not in meta`];
    if (key.startsWith("legation-")) return [`the key ${key} is Legation's own. Choose another that does not begin with legation-`];
    if (!/^[A-Za-z0-9_-]+$/.test(key)) return [`the key ${JSON.stringify(key)} is not taken by Consul. Use letters, digits, - and _`];
    if (Buffer.byteLength(key) > metaLimits.keyBytes)
      return [`the key ${key.slice(0, 40)}… is longer than Consul's ${metaLimits.keyBytes} bytes. Shorten it`];
    if (Buffer.byteLength(value) > metaLimits.valueBytes)
      return [`the value of ${key} has ${Buffer.byteLength(value)} bytes; Consul takes ${metaLimits.valueBytes}. Shorten it`];
    return [];
  });
  const total = Object.keys(meta).length + used;
  if (total > metaLimits.keys)
    problems.push(
      `there are ${total} keys together with Legation's ${used}; Consul takes ${metaLimits.keys}. Take out ${total - metaLimits.keys}`,
    );
  return problems;
}
