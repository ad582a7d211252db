/** An instance is stopped by SIGTERM: not one request fails. */
import { setTimeout as sleep } from "node:timers/promises";
import { during, type Fact, failures, hold, took } from "./fact.js";

export const stopped: Fact = {
  title: "an instance stopped by SIGTERM loses not one request",
  async observe(stage) {
    const service = stage.shop.instance("orders-1");
    const { result, report } = await during(stage, async () => {
      const start = performance.now();
      const code = await service.stop();
      const ms = performance.now() - start;
      await sleep(1_000);
      return { code, ms };
    });
    const seen = `${failures(report)}; it ended in ${took(result.ms)} with code ${result.code}`;
    hold(report.failed === 0 && result.code === 0, seen);
    return seen;
  },
};
