/** All instances are in Consul and passing, and the Envoys of their callers have them. */
import { lookAt } from "../overview.js";
import { type Fact, hold } from "./fact.js";

export const registered: Fact = {
  title: "every instance is in Consul and passing",
  async observe({ shop }) {
    const { instances, connected, envoys } = await lookAt(shop);
    const passing = instances.filter(({ standing }) => standing === "passing").length;
    const seen = `${passing} of ${instances.length} passing, ${connected} of ${envoys} Envoys connected to the control plane`;
    const used = instances.every(({ usableBy, callers }) => usableBy === callers);
    hold(passing === instances.length && connected === envoys && used, seen);
    return seen;
  },
};
