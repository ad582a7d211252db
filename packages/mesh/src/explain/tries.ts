/** What becomes of a request whose first try finds no connection: whether it is tried again elsewhere. */
import { connectAttempts } from "../envoy/listeners/local-port.js";
import { idempotentMethods } from "../policy/traffic/hedging/hedging.js";
import type { TrafficSettings } from "../policy/traffic/settings.js";
import type { RoutedRequest } from "../routing/request.js";

/**
 * True where the proxy tries again: after `UF`, no connection, what `connect-failure` allows for every request; after `UC`, a connection that was
 * closed while the request was under way, what `reset` allows, for requests that may be sent twice. `5xx` and `gateway-error` include both for these.
 * Bytes, for which there is no request, are tried again as long as nothing was connected.
 */
export function triesAgain(flag: "UF" | "UC", { retries }: TrafficSettings, request: RoutedRequest | undefined): boolean {
  if (!request) return flag === "UF";
  if (retries.attempts === 0) return false;
  const twice = retries.methods === "all" || idempotentMethods.includes(request.method);
  if (flag === "UF" && retries.on.includes("connect-failure")) return true;
  return (
    twice && (["5xx", "gateway-error", ...(flag === "UC" ? (["reset"] as const) : [])] as const).some((one) => retries.on.includes(one))
  );
}

/** Less than this is shown as 0 %. */
const negligible = 0.0005;

/**
 * Of what finds an instance, the share that finds only such as take nothing, from 0 to 1. `again` are the shares of these instances, `elsewhere` is that of
 * all others. Each of a request's `tries` goes to another instance than those before it; bytes may go to one again.
 */
export function shareInVain(again: readonly number[], elsewhere: number, { tries, isRequest }: Tries): number {
  const all = again.reduce((sum, share) => sum + share, 0);
  if (all === 0 || elsewhere === 0) return all === 0 ? 0 : 1;
  let share = 1;
  for (let gone = 0; gone < tries; gone++) {
    if (isRequest && gone === again.length) return 0;
    const left = isRequest ? all * (1 - gone / again.length) : all;
    share *= left / (left + elsewhere);
  }
  return share < negligible ? 0 : share;
}

/** How often something is tried at most. */
export interface Tries {
  readonly tries: number;
  /** False for a connection of bytes. */
  readonly isRequest: boolean;
}

/** That of a request, or of a connection of bytes. */
export function triesOf({ retries }: TrafficSettings, request: RoutedRequest | undefined): Tries {
  return request ? { tries: 1 + retries.attempts, isRequest: true } : { tries: connectAttempts, isRequest: false };
}
