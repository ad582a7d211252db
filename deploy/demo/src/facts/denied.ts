/** A call that no intention allows: refused with 403 under strict, and only counted under permissive. */

import { legation } from "../identity.js";
import { callsBetween, identityOf } from "../identity-look.js";
import { type Fact, hold, type Stage } from "./fact.js";

export const denied: Fact = {
  title: "the gate has no business with payments: default deny",
  async observe({ shop }: Stage) {
    const expected = shop.identity === "strict" ? 403 : 200;
    const payments = shop.instances("payments");
    const before = await identityOf(payments);
    const answer = await fetch(`${shop.web}/payments/7`);
    const body = (await answer.text()).replace(/\s+/g, " ");
    const { denied: counted } = callsBetween(before, await identityOf(payments));
    const said = await legation(shop.mesh, ["intentions", "check", "gate", "payments"]).catch((error: Error) => error.message);
    const why = /denied by intention \([^)]*\)/.exec(body)?.[0];
    const seen = `${answer.status}${why ? `, "${why}"` : ""}; counted as denied: ${counted}; ${said}`;
    hold(answer.status === expected && counted === 1 && (expected === 200 || why !== undefined), seen);
    return seen;
  },
};
