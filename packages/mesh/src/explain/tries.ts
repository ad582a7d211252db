/** What becomes of a request whose first try finds no connection: whether it is tried again elsewhere. */
import { idempotentMethods } from "../policy/traffic/hedging/hedging.js";
import type { TrafficSettings } from "../policy/traffic/settings.js";
import type { RoutedRequest } from "../routing/request.js";

/**
 * True where the proxy tries again: after `UF`, no connection, what `connect-failure` allows for every request; after `UC`, a connection that was
 * closed while the request was under way, what `reset` allows, for requests that may be sent twice. `5xx` and `gateway-error` include both for these.
 */
export function triesAgain(flag: "UF" | "UC", { retries }: TrafficSettings, request: RoutedRequest | undefined): boolean {
  if (!request || retries.attempts === 0) return false;
  const twice = retries.methods === "all" || idempotentMethods.includes(request.method);
  if (flag === "UF" && retries.on.includes("connect-failure")) return true;
  return (
    twice && (["5xx", "gateway-error", ...(flag === "UC" ? (["reset"] as const) : [])] as const).some((one) => retries.on.includes(one))
  );
}
