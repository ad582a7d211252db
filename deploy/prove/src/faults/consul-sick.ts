/** Consul answers with 500, not at all, or by a reset, while an instance leaves; then it is well again. */
import type { ConsulMode } from "../consul-proxy.js";
import type { Fault } from "../fault.js";
import { outcomeOf, settle } from "../scene.js";

/** Long enough for every agent to have asked Consul at least once. */
const sickMs = 2_500;

function sick(name: string, title: string, mode: ConsulMode): Fault {
  return {
    name,
    step: "1-6",
    title,
    async play(scene) {
      const { fleet } = scene;
      const stays = scene.others()[0];
      if (!stays) throw new Error("three ranks were started");
      const log = await scene.follow(stays);
      fleet.consulProxy.set(mode);
      try {
        await settle(sickMs);
        const leaving = await scene.leave();
        const [first] = await leaving.left();
        scene.note(`step 1: ${outcomeOf(first, "1")}`);
        scene.note(`step 6: ${outcomeOf(first, "6")}`);
        const lost = await log.event("that Consul is lost", ({ event }) => event === "consul.lost", 20_000);
        scene.note(`an agent says: ${lost["msg"]}`);
      } finally {
        fleet.consulProxy.set("through");
      }
      await log.event("that Consul is back", ({ event }) => event === "consul.regained", 20_000);
      await log.close();
      await scene.arrive();
    },
  };
}

export const consulErrors = sick("consul-500", "Consul answers 500", "error");
export const consulHangs = sick("consul-hangs", "Consul hangs", "hang");
export const consulResets = sick("consul-resets", "Consul resets connections", "reset");
