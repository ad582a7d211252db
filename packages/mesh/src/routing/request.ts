/** A request as routes see it. */

/** One request. */
export interface RoutedRequest {
  /** `GET`. */
  readonly method: string;
  /** The authority, with its port where it has one. */
  readonly host: string;
  /** With the query; empty for a CONNECT without one. */
  readonly path: string;
  /** By lower-case name; of several with one name the values, joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A header of the request, pseudo headers included; undefined where it has none. */
export function headerOf({ method, host, path, headers }: RoutedRequest, name: string): string | undefined {
  switch (name.toLowerCase()) {
    case ":method":
      return method;
    case ":authority":
    case "host":
      return host;
    case ":path":
      return path === "" ? undefined : path;
    case ":scheme":
      return "http";
    default:
      return headers[name.toLowerCase()];
  }
}

/** The path without query and fragment. */
export function plainPath({ path }: RoutedRequest): string {
  return path.replace(/[?#].*$/s, "");
}

/** The first value of a query parameter, as it was written; undefined where there is none. */
export function queryOf({ path }: RoutedRequest, name: string): string | undefined {
  const query = path.replace(/#.*$/s, "").split("?").slice(1).join("?");
  if (query === "") return undefined;
  for (const pair of query.split("&")) {
    const [key = "", ...value] = pair.split("=");
    if (key === name) return value.join("=");
  }
  return undefined;
}
