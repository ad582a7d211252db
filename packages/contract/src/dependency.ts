/** One service that another one calls, as it stands in lists of words: `orders`, `cache?`, `db:15432`, `mail:2525?`. */

/** A service that another one calls. Optional ones never block a start. */
export interface Dependency {
  readonly name: string;
  readonly optional: boolean;
  /** The port on which the caller's own Envoy serves it, on the host of its outbound address: for what is not called by HTTP and a host name. */
  readonly port?: number;
}

/**
 * Reads one word of a dependency list: a name, a local port behind `:`, and `?` behind an optional one. Blanks around it do not count. What
 * stands behind `:` and is no port of 1–65535 in decimal is taken for a part of the name, which is no DNS label then.
 */
export function dependencyOf(word: string): Dependency {
  const trimmed = word.trim();
  const optional = trimmed.endsWith("?");
  const rest = optional ? trimmed.slice(0, -1).trim() : trimmed;
  const [, name = rest, digits] = /^(.*):(\d{1,5})$/s.exec(rest) ?? [];
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { name, optional, port } : { name: rest, optional };
}

/** Writes the word that `dependencyOf` reads. */
export function dependencyWord({ name, optional, port }: Dependency): string {
  return `${name}${port === undefined ? "" : `:${port}`}${optional ? "?" : ""}`;
}
