/** Everything is stopped: nothing is left in Consul, and with an identity not one request of the whole story has failed. */
import { type Fact, hold, took } from "./fact.js";

export const ended: Fact = {
  title: "everything stopped in order leaves nothing in Consul",
  async observe({ shop, load }) {
    const { failed } = await load.stop();
    const start = performance.now();
    await shop.close();
    await shop.mesh.controlPlane.stop();
    const ms = performance.now() - start;
    const services = await shop.mesh.consul.get<Record<string, unknown>>("/v1/catalog/services");
    const checks = await shop.mesh.consul.get<{ CheckID: string }[]>("/v1/health/state/any");
    const left = [
      ...Object.keys(services).filter((name) => name !== "consul"),
      ...checks.map(({ CheckID }) => CheckID).filter((id) => id !== "serfHealth"),
    ];
    const seen = `${left.length === 0 ? "no service and no check left" : `left: ${left.join(", ")}`}; it took ${took(ms)}; ${failed} failed requests in all`;
    hold(left.length === 0 && (shop.identity === "off" || failed === 0), seen);
    return seen;
  },
};
