/** The control plane is killed with -9 while callers' proxies are to drop the instance. */
import type { Fault } from "../fault.js";
import { outcomeOf } from "../scene.js";

export const controlPlaneKilled: Fault = {
  name: "control-plane-killed",
  step: "2",
  title: "the control plane is killed with -9",
  async play(scene) {
    const { controlPlane } = scene.fleet;
    const leaving = await scene.leave();
    await leaving.begun("2");
    await controlPlane.kill9();
    const [first] = await leaving.left();
    scene.note(`step 2: ${outcomeOf(first, "2")}`);
    await controlPlane.restart();
    await scene.arrive();
  },
};
