/** The restart of a service: its instances one after the other, each with its traffic back before the next, up to the first that fails. */
import { instanceKey } from "@legation/contract";
import type { RestartAnswer } from "@legation/contract/api";
import { type Clock, LegationError, type Logger, messageOf } from "@legation/runtime";
import type { Commander } from "../channel/commander.js";
import type { Gather } from "../replicas/gather.js";
import { type InstanceStatus, isHealthy } from "../status/instance-status.js";

/** The path by which control planes ask each other. */
export const restartsPath = "/v1/agents/restarts";

/** How long another control plane is waited for; milliseconds. */
const askLimit = 1_000;

/** How long one instance may take from its drain to its traffic; milliseconds. */
export const restartLimit = 300_000;

/** Services that are restarted at one time by one control plane, at most. */
export const restartsAtOnce = 200;

/** What became of one instance, or is to become of it. */
export type RestartStep = RestartAnswer["instances"][number];

/** A restart under way. */
export interface RestartRun {
  /** What became of each instance until now, in their order. */
  readonly steps: readonly RestartStep[];
  /** Resolves when no more is done. Never rejects. */
  readonly done: Promise<void>;
}

/** The restarts of this control plane. */
export interface Restarts {
  /**
   * Begins. Rejects with a LegationError: `restart.under-way` while the service is being restarted already, by this control plane or another one that
   * answers (of two that begin at once, neither may), `restart.no-agent` when none of the instances has an agent, `restart.busy` when too many services are.
   */
  begin(service: string, instances: readonly InstanceStatus[], force: boolean): Promise<RestartRun>;
  /** The services that this control plane restarts, or is about to. */
  underWay(): readonly string[];
  /** Begins no further instance. */
  stop(): void;
}

/** Makes it. */
export function createRestarts(o: {
  readonly commander: Pick<Commander, "command">;
  readonly gather: Gather;
  readonly clock: Clock;
  readonly log: Logger;
}): Restarts {
  const stopping = new AbortController();
  const underWay = new Set<string>();

  async function one({ node, id, service }: InstanceStatus, force: boolean): Promise<Pick<RestartStep, "outcome" | "message">> {
    try {
      const { ok, message } = await o.commander.command({ node, id, service }, { kind: "restart", force }, restartLimit, stopping.signal);
      return { outcome: ok ? "restarted" : "failed", message };
    } catch (error) {
      return { outcome: "failed", message: messageOf(error) };
    }
  }

  async function all(service: string, instances: readonly InstanceStatus[], force: boolean, steps: RestartStep[]): Promise<void> {
    for (const [i, instance] of instances.entries()) {
      const name = instanceKey(instance.node, instance.id);
      steps[i] = { instance: name, outcome: "under-way", message: "its agent restarts it" };
      const { outcome, message } = await one(instance, force);
      steps[i] = { instance: name, outcome, message };
      const level = outcome === "restarted" ? "info" : "error";
      o.log[level]({ event: "order.restart", service, instance: name, outcome, cause: message }, `restart of ${name}: ${message}`);
      if (outcome !== "restarted") return;
    }
  }

  /** Another control plane that restarts the service; undefined when none that answers does. */
  async function elsewhere(service: string): Promise<string | undefined> {
    const { answers } = await o.gather({ path: restartsPath, body: () => ({ relayed: true }), read: servicesOf, limitMs: askLimit });
    return answers.find(({ value }) => value.includes(service))?.address;
  }

  return {
    underWay: () => [...underWay],
    async begin(service, instances, force) {
      if (underWay.has(service))
        throw new LegationError("restart.under-way", `${service} is being restarted already; ask again when that has ended`);
      if (underWay.size >= restartsAtOnce)
        throw new LegationError("restart.busy", `${restartsAtOnce} services are being restarted; ask again when some of them have ended`);
      const held = inOrder(instances.filter(({ agent }) => agent !== "none"));
      if (held.length === 0)
        throw new LegationError(
          "restart.no-agent",
          `no agent reports of ${service}: it was registered by others. Restart it where it runs, or run it under "legation agent"`,
        );
      const steps: RestartStep[] = [
        ...held.map((instance) => stepOf(instance, "not-begun", "it waits for those before it")),
        ...instances
          .filter(({ agent }) => agent === "none")
          .map((instance) => stepOf(instance, "no-agent", "no agent reports of it: restart it where it runs")),
      ];
      underWay.add(service);
      const other = await elsewhere(service);
      if (other !== undefined) {
        underWay.delete(service);
        throw new LegationError("restart.under-way", `${service} is being restarted by ${other}; ask again when that has ended`);
      }
      const done = all(service, held, force, steps).finally(() => underWay.delete(service));
      return { steps, done };
    },
    stop: () => stopping.abort(new Error("the control plane stops")),
  };
}

function servicesOf(answer: unknown): readonly unknown[] {
  const { services } = (answer ?? {}) as { readonly services?: unknown };
  if (!Array.isArray(services)) throw new Error("answered with something else");
  return services;
}

/** Those first that serve nobody: to restart them costs nothing, and what ails them shows before one that serves is touched. */
function inOrder(instances: readonly InstanceStatus[]): readonly InstanceStatus[] {
  return [...instances].sort((a, b) => Number(isHealthy(a)) - Number(isHealthy(b)));
}

function stepOf({ node, id }: InstanceStatus, outcome: RestartStep["outcome"], message: string): RestartStep {
  return { instance: instanceKey(node, id), outcome, message };
}

/** What became of it, in a sentence; `over` when no more is done. */
export function restartText(steps: readonly RestartStep[], over: boolean): string {
  const of = (outcome: RestartStep["outcome"]) => steps.filter((step) => step.outcome === outcome);
  const done = `${of("restarted").length} of ${steps.length} instances restarted`;
  const [failed] = of("failed");
  const rest = of("not-begun").length;
  if (failed) return `${failed.instance} failed: ${failed.message}${rest > 0 ? `; ${rest} behind it were left alone` : ""}. ${done}`;
  const alone = of("no-agent").length;
  if (over)
    return `${done}${alone > 0 ? `; ${alone} without an agent` : ""}${steps.length === 1 && steps[0] ? `: ${steps[0].message}` : ""}`;
  return `${done}; ${of("under-way")[0]?.instance ?? "the next"} is under way. It goes on: ask for the service to see how it stands`;
}
