/** kill -9 of the agent, the Envoy or the service of an instance, at every step of its stop and its start; the next agent puts things right. */
import type { Part } from "@legation/local";
import type { Fault } from "../fault.js";
import type { Scene } from "../scene.js";

const parts: readonly Part[] = ["agent", "envoy", "app"];
const names: Readonly<Record<Part, string>> = { agent: "the agent", envoy: "Envoy", app: "the service" };

/** The steps of a stop. */
const stopSteps = ["1", "2", "3", "4", "5", "6", "7"] as const;

/** The phases of a start: the event in the agent's log that begins each, and which parts there are to kill. */
const startPhases: readonly { readonly phase: string; readonly event: string; readonly parts: readonly Part[] }[] = [
  { phase: "envoy-started", event: "envoy.started", parts: ["agent", "envoy"] },
  { phase: "envoy-live", event: "envoy.live", parts: ["agent", "envoy"] },
  { phase: "service-started", event: "service.started", parts },
  { phase: "registered", event: "registrar.registered", parts },
];

const limitMs = 60_000;

/** All of them. */
export const kills: readonly Fault[] = [
  ...stopSteps.flatMap((step) => parts.map((part) => duringStop(part, step))),
  ...startPhases.flatMap((phase) => phase.parts.map((part) => duringStart(part, phase.phase, phase.event))),
];

function duringStop(part: Part, step: string): Fault {
  return {
    name: `kill-${part}@${step}`,
    step,
    title: `kill -9 of ${names[part]} as it leaves`,
    async play(scene) {
      const leaving = await scene.leave();
      await leaving.begun(step);
      await scene.kill(part);
      await leaving.left("any");
      await arriveAndBeUsed(scene);
    },
  };
}

function duringStart(part: Part, phase: string, event: string): Fault {
  return {
    name: `kill-${part}@${phase}`,
    step: "start",
    title: `kill -9 of ${names[part]} at ${event}`,
    async play(scene) {
      const leaving = await scene.leave();
      await leaving.left();
      const logs = await Promise.all(scene.instances.map((service) => scene.follow(service)));
      await Promise.all(scene.instances.map((service) => service.restart({ waitReady: false })));
      await Promise.all(logs.map((log) => log.event(event, (e) => e.event === event, limitMs)));
      await scene.kill(part);
      await Promise.all(logs.map((log) => log.close()));
      await arriveAndBeUsed(scene);
    },
  };
}

/** Starts the agents that do not run, and waits until each instance is healthy in the caller's Envoy. */
async function arriveAndBeUsed(scene: Scene): Promise<void> {
  await scene.arrive();
  await scene.fleet.untilHealthy(limitMs);
}
