/** Requests are answered by every instance. */
import { setTimeout as sleep } from "node:timers/promises";
import { during, type Fact, failures, hold } from "./fact.js";

export const answered: Fact = {
  title: "requests are answered by every instance",
  async observe(stage) {
    const { report } = await during(stage, () => sleep(5_000));
    const of = (name: string) => stage.shop.instances(name).map(({ id }) => report.byInstance[id] ?? 0);
    const counts = [...stage.shop.departments].reverse().map(({ name }) => `${name} ${of(name).join("+")}`);
    const seen = `${counts.join(", ")}; ${failures(report)}`;
    hold(stage.shop.instances().every(({ id }) => (report.byInstance[id] ?? 0) > 0) && report.failed === 0, seen);
    return seen;
  },
};
