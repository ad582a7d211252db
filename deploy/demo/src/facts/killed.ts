/** An instance is killed with -9: its endpoint leaves every Envoy, and the failed requests are counted. */
import type { ServiceProcess } from "@legation/local";
import { inEveryEnvoy, leftEveryEnvoy } from "./endpoint.js";
import { during, type Fact, failures, type Stage, took } from "./fact.js";

/** The application alone: its agent sees it at once, and starts it again. */
export const applicationKilled: Fact = {
  title: "an application killed with -9 leaves every Envoy, and its agent brings it back",
  async observe(stage) {
    const service = stage.shop.instance("orders-2");
    const { result, report } = await during(stage, async () => {
      const at = await service.kill9("app");
      return { left: await leftEveryEnvoy(stage.shop, service, at), back: await inEveryEnvoy(stage.shop, service, at) };
    });
    return `left after ${took(result.left)}, back after ${took(result.back)}; ${failures(report)}`;
  },
};

/** Application, agent and Envoy at once, as when a machine dies: its heartbeat stops. */
export const instanceKilled: Fact = {
  title: "an instance killed with -9, agent and Envoy too, leaves every Envoy",
  async observe(stage) {
    const service = stage.shop.instance("payments-2");
    const { result, report } = await during(stage, async () => {
      const at = await service.kill9("all");
      return leftEveryEnvoy(stage.shop, service, at);
    });
    const back = await bringBack(stage, service);
    return `left after ${took(result)} (its heartbeat's time to live is 3 s); ${failures(report)}; started again in ${took(back)}`;
  },
};

async function bringBack({ shop }: Stage, service: ServiceProcess): Promise<number> {
  const start = performance.now();
  await service.restart();
  return inEveryEnvoy(shop, service, start);
}
