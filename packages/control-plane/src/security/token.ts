/** The ACL token of a request: `X-Consul-Token`, as Consul's own API takes it, or `Authorization: Bearer`. */
import type { IncomingHttpHeaders } from "node:http";

/** What was sent. `malformed`: something that can be no token. */
export type GivenToken = { readonly kind: "token"; readonly token: string } | { readonly kind: "none" | "malformed" };

/** Reads the headers; `X-Consul-Token` stands above the other. An empty one counts as none. */
export function tokenOf(headers: IncomingHttpHeaders): GivenToken {
  const own = headers["x-consul-token"];
  const text = (typeof own === "string" && own !== "" ? own : bearerOf(headers.authorization)) ?? "";
  if (text === "") return headers.authorization === undefined ? { kind: "none" } : { kind: "malformed" };
  return /^[\x21-\x7e]{1,256}$/.test(text) ? { kind: "token", token: text } : { kind: "malformed" };
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
}
