/** What happened between two looks at the shop, in words. */
import type { InstanceView, Overview } from "./overview.js";

/** One sentence per change, the cause before its effect. */
export function changes(before: Overview, after: Overview): string[] {
  const sentences: string[] = [];
  if (before.consul !== after.consul) sentences.push(after.consul === "up" ? "Consul answers again" : "Consul does not answer");
  if (before.controlPlane !== after.controlPlane)
    sentences.push(after.controlPlane === "up" ? "the control plane answers again" : "the control plane does not answer");
  if (before.connected !== after.connected)
    sentences.push(`${after.connected} of ${after.envoys} Envoys hold a stream to the control plane`);
  const earlier = new Map(before.instances.map((one) => [one.id, one]));
  for (const now of after.instances) sentences.push(...changesOf(earlier.get(now.id), now));
  return sentences;
}

function changesOf(before: InstanceView | undefined, now: InstanceView): string[] {
  const sentences: string[] = [];
  if (!before) sentences.push(`${now.id} was started: ${now.standing} in Consul`);
  else if (before.standing !== now.standing && before.standing !== "unknown" && now.standing !== "unknown")
    sentences.push(`${now.id}: ${before.standing} → ${now.standing} in Consul`);
  if (before && before.tls !== now.tls && before.standing !== "unknown" && now.standing !== "unknown")
    sentences.push(`${now.id}: mutual TLS ${now.tls ?? "no longer offered"} by its registration`);
  const [was, is] = [before ? before.usableBy > 0 : false, now.usableBy > 0];
  if (was !== is && now.callers > 0)
    sentences.push(is ? `${now.id} gets requests from ${envoys(now)}` : `${now.id} gets no requests any more`);
  return sentences;
}

function envoys({ usableBy }: InstanceView): string {
  return usableBy === 1 ? "one Envoy" : `${usableBy} Envoys`;
}
