/** Consul stops answering as an instance begins to leave, is killed with -9 while the instance waits for it, and comes back with its data. */
import type { Fault } from "../fault.js";
import { outcomeOf, settle } from "../scene.js";

export const consulKilled: Fault = {
  name: "consul-killed",
  step: "1",
  title: "Consul is killed with -9, and back with its data",
  async play(scene) {
    const { consul } = scene.fleet;
    await consul.freeze();
    const leaving = await scene.leave();
    await leaving.begun("1");
    await settle(100);
    await consul.kill9();
    const [first] = await leaving.left();
    scene.note(`step 1: ${outcomeOf(first, "1")}`);
    scene.note(`step 6: ${outcomeOf(first, "6")}`);
    await consul.restart({ keepData: true });
    await scene.arrive();
  },
};
