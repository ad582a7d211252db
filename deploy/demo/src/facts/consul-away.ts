/** Consul is stopped for a while and comes back empty: traffic goes on, and every instance registers again by itself. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@legation/local";
import { lookAt } from "../overview.js";
import { during, type Fact, failures, hold, took } from "./fact.js";

const awayMs = 10_000;

/** With its data it comes back with tokens, intentions and its CA; without, all of these are new, and a mesh with identity starts anew too. */
export const consulAway = (keepData: boolean): Fact => ({
  title: `Consul is stopped for 10 s and comes back ${keepData ? "with its data" : "empty"}: traffic goes on`,
  async observe(stage) {
    const { consul } = stage.shop.mesh;
    const { result, report } = await during(stage, async () => {
      await consul.stop();
      await sleep(awayMs);
      await consul.restart({ keepData });
      const back = performance.now();
      await until(
        async (note) => {
          const running = new Set(stage.shop.instances().map(({ id }) => id));
          const { instances } = await lookAt(stage.shop);
          const passing = instances.filter(({ id, standing }) => running.has(id) && standing === "passing").length;
          note(`${passing} of ${running.size} passing`);
          return passing === running.size;
        },
        { what: "every instance to register again", limitMs: 60_000 },
      );
      const registered = performance.now() - back;
      await sleep(2_000);
      return registered;
    });
    const seen = `${failures(report)}; all instances registered again ${took(result)} after it was back`;
    hold(report.failed === 0, seen);
    return seen;
  },
});
