/** Whether the Envoy behind an admin interface takes inbound traffic, and whether it is this instance's. */
import type { Clock } from "@legation/runtime";
import type { EnvoyAdmin } from "./admin.js";

const pollMs = 50;

/** In words why Envoy does not accept on its inbound port yet; undefined when it does. `controlPlanes` is for the words. */
export async function whyNotLive(admin: EnvoyAdmin, inboundPort: number, controlPlanes: string): Promise<string | undefined> {
  try {
    const ready = await admin.ready();
    if (ready !== "LIVE" && ready !== "DRAINING")
      return `Envoy is ${ready}: it waits for its configuration from a control plane at ${controlPlanes}`;
    if (!(await admin.listeningPorts()).has(inboundPort))
      return `Envoy has no inbound listener on port ${inboundPort} yet: its control plane at ${controlPlanes} has not sent one`;
    return undefined;
  } catch {
    return "Envoy's admin interface does not answer yet";
  }
}

/** True as soon as an Envoy with that node id answers; false when none has within `limitMs`. */
export async function answersAsNode(admin: EnvoyAdmin, nodeId: string, limitMs: number, clock: Clock): Promise<boolean> {
  const deadline = clock.monotonic() + limitMs;
  for (;;) {
    if ((await admin.identity().catch(() => undefined))?.nodeId === nodeId) return true;
    if (clock.monotonic() >= deadline) return false;
    await clock.sleep(pollMs);
  }
}
