/** Waiting for an instance to be used, or no longer used, by every Envoy that calls it. */
import { type ServiceProcess, until } from "@legation/local";
import { callersOf, endpointOf } from "../overview.js";
import type { Shop } from "../shop.js";

const limitMs = 30_000;

/** Resolves when no caller's Envoy would send it a request. Returns the time since `since`, by `performance.now()`. */
export async function leftEveryEnvoy(shop: Shop, service: ServiceProcess, since: number): Promise<number> {
  await everyCaller(shop, service, false);
  return performance.now() - since;
}

/** Resolves when every caller's Envoy would send it requests. Returns the time since `since`. */
export async function inEveryEnvoy(shop: Shop, service: ServiceProcess, since: number): Promise<number> {
  await everyCaller(shop, service, true);
  return performance.now() - since;
}

async function everyCaller(shop: Shop, service: ServiceProcess, usable: boolean): Promise<void> {
  const callers = callersOf(shop, service.name, shop.instances()).filter(({ id }) => id !== service.id);
  await until(
    async (note) => {
      const seen = await Promise.all(
        callers.map(async (caller) => [caller.id, endpointOf(service, await caller.envoy.clusters())] as const),
      );
      note(seen.map(([id, endpoint]) => `${id}'s Envoy has it ${endpoint?.ejected ? "ejected" : (endpoint?.health ?? "not")}`).join(", "));
      return seen.length > 0 && seen.every(([, endpoint]) => (endpoint !== undefined && isUsed(endpoint)) === usable);
    },
    { what: `${service.id} to be ${usable ? "in" : "out of"} every caller's Envoy`, limitMs, everyMs: 5 },
  );
}

/** By what the control plane says; that Envoy has ejected it for a while does not count as having left. */
function isUsed({ health, usable, ejected }: { health: string; usable: boolean; ejected: boolean }): boolean {
  return usable || (ejected && health === "HEALTHY");
}
