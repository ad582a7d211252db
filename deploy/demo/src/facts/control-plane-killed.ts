/** The control plane is killed and started again: traffic goes on, and connected Envoys are sent no resource anew. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@legation/local";
import { lookAt } from "../overview.js";
import { during, type Fact, failures, hold, type Stage, took } from "./fact.js";

const awayMs = 3_000;
const settleMs = 3_000;

export const controlPlaneKilled: Fact = {
  title: "the control plane is killed with -9 and started again: Envoys are sent nothing anew",
  async observe(stage) {
    const { controlPlane } = stage.shop.mesh;
    const before = await updates(stage);
    const { result, report } = await during(stage, async () => {
      await controlPlane.kill9();
      await sleep(awayMs);
      await controlPlane.restart();
      const back = performance.now();
      await until(
        async (note) => {
          const { connected, envoys } = await lookAt(stage.shop);
          note(`${connected} of ${envoys} connected`);
          return connected === envoys;
        },
        { what: "every Envoy to be connected again", limitMs: 60_000 },
      );
      const connected = performance.now() - back;
      await sleep(settleMs);
      return connected;
    });
    const after = await updates(stage);
    const changed = [...after].filter(([name, value]) => value !== (before.get(name) ?? 0)).map(([name]) => name);
    const { resourcesSent } = await controlPlane.get<{ resourcesSent: number }>("/api/proxies");
    const seen =
      `${failures(report)}; ${stage.shop.instances().length} Envoys connected again after ${took(result)}, were sent ${resourcesSent} resources and took ` +
      `${changed.length} updates${changed.length > 0 ? ` (${changed.slice(0, 3).join(", ")})` : ""}`;
    hold(report.failed === 0 && changed.length === 0 && resourcesSent === 0, seen);
    return seen;
  },
};

/** Every Envoy's counters of updates that it took or refused. */
async function updates({ shop }: Stage): Promise<ReadonlyMap<string, number>> {
  const all = shop.instances().map(async ({ id, envoy }) => {
    const { byName } = await envoy.updateCounters();
    return Object.entries(byName).map(([name, value]) => [`${id} ${name}`, value] as const);
  });
  return new Map((await Promise.all(all)).flat());
}
