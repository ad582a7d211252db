/** The headers of a request as a route sends it on. */
import { HeaderValueOption_HeaderAppendAction as Append } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Route } from "@legation/envoy-api/envoy/config/route/v3/route_components";

/** First what is removed goes, then what is set or added comes. By lower-case name. */
export function sentHeaders(
  { requestHeadersToAdd, requestHeadersToRemove }: Route,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const gone = new Set(requestHeadersToRemove.map((name) => name.toLowerCase()));
  const sent = new Map(Object.entries(headers).filter(([name]) => !gone.has(name)));
  for (const { header, appendAction } of requestHeadersToAdd) {
    const name = header?.key.toLowerCase() ?? "";
    const value = header?.value.replaceAll("%%", "%") ?? "";
    const before = sent.get(name);
    sent.set(name, before === undefined || appendAction === Append.OVERWRITE_IF_EXISTS_OR_ADD ? value : `${before},${value}`);
  }
  return Object.fromEntries(sent);
}
