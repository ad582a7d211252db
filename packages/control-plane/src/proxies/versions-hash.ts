/** One word for many versions, so that two proxies can be told to hold the same without naming all of it. */

/**
 * Equal for equal versions, in whatever order; "" for none. A version is a hash of its resource's content, the name among it: the sum of them
 * says what sorting and hashing all names would say, and costs far less (64 bits; nobody who could choose contents gains by equal sums).
 */
export function versionsHash(versions: ReadonlyMap<string, string>): string {
  if (versions.size === 0) return "";
  let high = 0;
  let low = 0;
  for (const version of versions.values()) {
    let one = 0x811c9dc5;
    let two = 0x9e3779b9;
    for (let at = 0; at < version.length; at++) {
      const code = version.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul(two ^ code, 0x85ebca6b);
    }
    high = (high + one) >>> 0;
    low = (low + (two ^ (two >>> 15))) >>> 0;
  }
  return hex(high) + hex(low);
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
