/** Every instance holds a certificate of its service from Consul's CA. */
import { until } from "@legation/local";
import { lookAt } from "../overview.js";
import { untilEnd } from "../view.js";
import type { Fact } from "./fact.js";

export const certified: Fact = {
  title: "every instance has a certificate of its own service from Consul's CA",
  observe: ({ shop }) =>
    until(
      async (note) => {
        const { identity, envoys } = await lookAt(shop);
        const seen = `${identity?.certificates ?? 0} of ${envoys} hold one`;
        note(seen);
        return (
          identity?.certificates === envoys &&
          identity.firstEnds !== undefined &&
          `${seen}; the first ends in ${untilEnd(identity.firstEnds)}`
        );
      },
      { what: "every certificate", limitMs: 30_000 },
    ),
};
