/** No fault: a rolling restart as every deployment does it. */
import type { Fault } from "../fault.js";

export const none: Fault = {
  name: "none",
  step: "-",
  title: "plain restart",
  async play(scene) {
    const leaving = await scene.leave();
    await leaving.left();
    await scene.arrive();
  },
};
