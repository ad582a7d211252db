/** The Envoy of a caller acknowledges nothing: it is stopped by SIGSTOP, with its stream to the control plane open. */
import type { Fault } from "../fault.js";
import { outcomeOf } from "../scene.js";

export const silentProxy: Fault = {
  name: "silent-proxy",
  step: "2",
  title: "one caller's proxy never acknowledges",
  async play(scene) {
    const resume = await scene.stopBystander();
    try {
      const leaving = await scene.leave();
      const [first] = await leaving.left();
      scene.note(`step 2: ${outcomeOf(first, "2")}`);
    } finally {
      resume();
    }
    await scene.arrive();
  },
};
