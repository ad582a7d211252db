/** What is asked, as it is typed: `http://orders/x`, `orders.mesh/x?y`, `tcp://db`, `xds:///orders`. */

/** The address of a request. */
export interface AskedAddress {
  readonly scheme: "http" | "tcp" | "xds";
  /** With its port where it has one. */
  readonly host: string;
  /** With the query; `/` where there is none. */
  readonly path: string;
}

/** Reads it; a text that says how it should be written where it cannot be used. */
export function askedAddress(url: string): AskedAddress | string {
  const [, scheme = "http", host = "", rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#\s]*)([/?][^#\s]*)?(?:#\S*)?$/i.exec(url) ?? [];
  const kind = { http: "http", https: "http", grpc: "http", tcp: "tcp", xds: "xds" }[scheme.toLowerCase()];
  const whole = host !== "" ? host : kind === "xds" ? rest.replace(/^\//, "") : "";
  if (whole === "" || kind === undefined)
    return `${JSON.stringify(url.slice(0, 200))} is no address of a service. Write http://orders/path, tcp://db or xds:///orders`;
  return {
    scheme: kind as AskedAddress["scheme"],
    host: whole,
    path: kind !== "http" ? "/" : rest === "" || rest.startsWith("/") ? rest || "/" : `/${rest}`,
  };
}

/** The host without its port. */
export function hostName(host: string): string {
  return host.replace(/:\d+$/, "");
}

/** The service that a host names in one of its forms: `orders`, `orders.mesh`, `orders.service.consul`. */
export function serviceNamed(host: string): string {
  return hostName(host).replace(/\.(?:mesh|service\.consul)$/, "");
}
