/** The mesh moves one mode further by the operators' policy, while requests run, and not one of them fails. */
import { until } from "@legation/local";
import { applyPolicy, type Identity } from "../identity.js";
import { lookAt } from "../overview.js";
import { during, type Fact, failures, hold, took } from "./fact.js";

const reached = { permissive: "accepted", strict: "required" } as const;

/** The fact for a mode: each instance's registration says what the mode leads to. */
export const moved = (mode: Exclude<Identity, "off">): Fact => ({
  title: `\`legation policy apply\` takes the mesh to ${mode} under load`,
  async observe(stage) {
    const start = performance.now();
    const { result, report } = await during(stage, async () => {
      const said = await applyPolicy(stage.shop.mesh, mode);
      const instances = await until(
        async (note) => {
          const look = await lookAt(stage.shop);
          note(look.instances.map(({ id, tls }) => `${id} ${tls ?? "plain"}`).join(", "));
          return look.instances.every(({ tls }) => tls === reached[mode]) && look.instances.length;
        },
        { what: `mutual TLS to be ${reached[mode]} everywhere`, limitMs: 90_000 },
      );
      return { said, instances };
    });
    const live = result.said.split("\n").find((line) => line.startsWith("Live")) ?? result.said;
    const seen = `${live} Mutual TLS ${reached[mode]} by ${result.instances} of ${result.instances} after ${took(performance.now() - start)}; ${failures(report)}`;
    hold(report.failed === 0, seen);
    return seen;
  },
});
