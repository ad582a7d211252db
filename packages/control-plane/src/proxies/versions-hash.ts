/** One word for many versions, so that two proxies can be told to hold the same without naming all of it. */
import { createHash } from "node:crypto";

/** Equal for equal names and versions, in whatever order; "" for none. */
export function versionsHash(versions: ReadonlyMap<string, string>): string {
  if (versions.size === 0) return "";
  const hash = createHash("sha256");
  for (const name of [...versions.keys()].sort()) hash.update(`${name}\0${versions.get(name)}\0`);
  return hash.digest("hex").slice(0, 16);
}
