/** The control plane is killed with -9 while an instance waits for its answer, which one caller's stopped proxy holds back. */
import type { Fault } from "../fault.js";
import { outcomeOf, settle } from "../scene.js";

export const controlPlaneKilled: Fault = {
  name: "control-plane-killed",
  step: "2",
  title: "the control plane is killed with -9",
  async play(scene) {
    const { controlPlane } = scene.fleet;
    const resume = await scene.stopBystander();
    try {
      const leaving = await scene.leave();
      await leaving.begun("2");
      await settle(100);
      await controlPlane.kill9();
      const [first] = await leaving.left();
      scene.note(`step 2: ${outcomeOf(first, "2")}`);
    } finally {
      resume();
    }
    await controlPlane.restart();
    await scene.arrive();
  },
};
