/** Who calls the API, in words that may be shown and logged: never with a secret. */
import type { CallerView } from "@legation/contract/api";
import { originOf } from "./origin.js";

/** The caller of one request. */
export type Caller = CallerView;

/** The caller in a few words. */
export function nameOfCaller({ kind, accessor, name, spiffeId, address }: Caller): string {
  if (kind === "service") return spiffeId ?? "a service";
  if (kind === "token") return `token ${accessor ?? "with an unknown accessor"}${name ? ` (${name})` : ""}`;
  return `${kind === "anonymous" ? "nobody in particular" : "somebody"} at ${address}`;
}

/** What tells one caller from another, where they are counted; addresses by `originOf`. */
export function keyOfCaller({ kind, accessor, spiffeId, address }: Caller): string {
  return accessor ?? spiffeId ?? `${kind} ${originOf(address)}`;
}
