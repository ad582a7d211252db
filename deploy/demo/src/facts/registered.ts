/** All instances are in Consul and passing, and the Envoys of their callers have them. */
import { until } from "@legation/local";
import { lookAt } from "../overview.js";
import type { Fact } from "./fact.js";

const limitMs = 10_000;

export const registered: Fact = {
  title: "every instance is in Consul and passing, and in use by its callers' Envoys",
  observe: ({ shop }) =>
    until(
      async (note) => {
        const { instances, connected, envoys } = await lookAt(shop);
        const passing = instances.filter(({ standing }) => standing === "passing").length;
        const used = instances.filter(({ usableBy, callers }) => usableBy === callers).length;
        const seen = `${passing} of ${instances.length} passing, ${used} in use; ${connected} of ${envoys} Envoys connected to the control plane`;
        note(seen);
        return passing === instances.length && used === instances.length && connected === envoys && seen;
      },
      { what: "all of them", limitMs },
    ),
};
