/** An instance is stopped by SIGTERM: its callers' Envoys acknowledge that they have dropped it, and not one request fails. */
import { readFileSync } from "node:fs";
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
    const proof = proofIn(readFileSync(service.log, "utf8"));
    const seen = `${failures(report)}; ${proof?.outcome ?? "no proxy was asked"} in ${took(proof?.ms ?? 0)}; it ended in ${took(result.ms)} with code ${result.code}`;
    hold(report.failed === 0 && result.code === 0 && proof?.level === "info" && proof.outcome.includes("acknowledged"), seen);
    return seen;
  },
};

interface Step {
  readonly event: string;
  readonly level: string;
  readonly step: string;
  readonly outcome: string;
  readonly ms: number;
}

/** The last step 2 of the stop order in an agent's log: who acknowledged that the instance leaves. */
function proofIn(log: string): Step | undefined {
  return log
    .split("\n")
    .filter((line) => line.includes('"leave.step"'))
    .map((line) => JSON.parse(line) as Step)
    .findLast(({ step }) => step === "2");
}
