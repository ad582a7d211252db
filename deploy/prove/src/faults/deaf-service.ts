/** The service ignores SIGTERM: it is killed when its time is over. */
import type { Fault } from "../fault.js";
import { outcomeOf } from "../scene.js";

const killed = 137;

export const deafService: Fault = {
  name: "deaf-service",
  step: "5",
  title: "the service ignores SIGTERM",
  async play(scene) {
    for (const service of scene.instances) process.kill((await service.pids()).app, "SIGUSR2");
    const leaving = await scene.leave();
    const [first] = await leaving.left([killed]);
    scene.note(`step 5: ${outcomeOf(first, "5")}`);
    await scene.arrive();
  },
};
