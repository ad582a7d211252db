/** What stands in the way of a service's identity, in words for the person who can mend it. */
import type { IdentityMode } from "@legation/contract";
import { byIdentity, type CatalogService, keyOf } from "../../catalog/instance.js";
import type { Problem } from "../../problem.js";
import { takesMutualTls } from "./plaintext.js";
import type { Trust } from "./trust.js";

/** Instances that a problem names at most. */
const mostNamed = 10;

/** The problems of a service whose mode asks for more than its catalog or Consul's CA gives. */
export function identityProblems(
  { name, instances }: CatalogService,
  { mode, trust }: { readonly mode: IdentityMode; readonly trust?: Trust | undefined },
): Problem[] {
  if (mode === "off" || instances.length === 0) return [];
  const problems: Problem[] = [];
  if (!trust) {
    const message = `${name} is ${mode}, and Consul's CA has not said its trust domain, so that there is no TLS: enable Connect on Consul's servers (connect { enabled = true })`;
    problems.push({ code: "identity-untrusted", service: name, message });
  }
  if (mode !== "strict") return problems;
  const without = instances.filter((instance) => !takesMutualTls(instance)).sort(byIdentity);
  if (without.length === 0) return problems;
  const more = without.length > mostNamed ? ` and ${without.length - mostNamed} more` : "";
  const named = `${without.slice(0, mostNamed).map(keyOf).join(", ")}${more}`;
  const message = `${name} is strict, and ${named} ${without.length === 1 ? "does" : "do"} not say that TLS is taken there, so that calls to it may fail: run it under legation agent with a certificate, or make ${name} permissive`;
  problems.push({ code: "instance-without-tls", service: name, message });
  return problems;
}
