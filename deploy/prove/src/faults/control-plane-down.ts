/**
 * No control plane runs when an instance leaves: no proxy learns of it, and connections are told to close one by one. A request that arrives
 * in the milliseconds in which the service closes its connections fails when it may not be repeated.
 */
import type { Fault } from "../fault.js";
import { outcomeOf } from "../scene.js";

export const controlPlaneDown: Fault = {
  name: "control-plane-down",
  step: "1-7",
  onDemand: true,
  title: "no control plane is there",
  async play(scene) {
    const { controlPlane } = scene.fleet;
    await controlPlane.kill9();
    const leaving = await scene.leave();
    const [first] = await leaving.left();
    scene.note(`step 1: ${outcomeOf(first, "1")}`);
    scene.note(`step 2: ${outcomeOf(first, "2")}`);
    scene.note(`step 4: ${outcomeOf(first, "4")}`);
    await controlPlane.restart();
    await scene.arrive();
  },
};
