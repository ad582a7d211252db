/** A service with several instances, of which any can be made slow or failing, and a caller whose strategy can be chosen. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ControlPlaneProcess,
  httpSender,
  type LoadReport,
  type Mesh,
  type ServiceProcess,
  startControlPlane,
  startLoad,
  startMesh,
  until,
} from "@legation/local";

/** How the caller chooses. */
export interface Choice {
  readonly strategy: "round_robin" | "least_connections" | "health_based";
  /** False: no instance is ever ejected, so that the strategy alone is seen. */
  readonly ejection: boolean;
}

/** See the file's sentence. */
export interface Stage {
  readonly mesh: Mesh;
  /** All serve the same: policies are a directory that they share. */
  readonly planes: readonly ControlPlaneProcess[];
  readonly orders: readonly ServiceProcess[];
  readonly web: ServiceProcess;
  /** Puts a choice into force, and resolves when the caller's Envoy has it. */
  choose(choice: Choice): Promise<void>;
  /** Sets how an instance answers from now on, as the echo application understands it. */
  control(instance: ServiceProcess | undefined, said: object): Promise<void>;
  /** Resolves when the weight of an instance in the caller's Envoy, beside the largest there, is as wanted. */
  untilShare(instance: ServiceProcess | undefined, what: string, holds: (share: number) => boolean): Promise<void>;
  /** Sends so many requests at that rate. */
  measure(requests: number, rate: number): Promise<LoadReport>;
}

/** For a machine that is busy with other things; milliseconds. */
const limitMs = 120_000;

/** Starts it; whoever calls it stops `mesh`. */
export async function startStage(instances: number, replicas: number): Promise<Stage> {
  const mesh = await startMesh();
  try {
    const policies = mesh.sandbox.makeDir("policies");
    const write = ({ strategy, ejection }: Choice) => {
      const breaker = ejection ? "" : "circuitBreaker: { failureThreshold: 1000000 }\n";
      const text = `apiVersion: legation/v1\nkind: Service\nname: orders\nbalancing: { strategy: ${strategy}, slowStart: 0s }\n${breaker}`;
      writeFileSync(join(policies, "orders.yaml"), text);
    };
    write({ strategy: "round_robin", ejection: false });
    const planes: ControlPlaneProcess[] = [];
    for (let replica = 1; replica <= replicas; replica++)
      planes.push(
        await startControlPlane(mesh.sandbox, { consul: mesh.consul.url, name: `plane-${replica}`, flags: ["--policies", policies] }),
      );
    await mesh.controlPlane.stop();
    const orders: ServiceProcess[] = [];
    for (let index = 1; index <= instances; index++)
      orders.push(await mesh.startService({ name: "orders", id: `orders-${index}`, controlPlanes: planes }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"], controlPlanes: planes });

    const untilShare: Stage["untilShare"] = (instance, what, holds) => {
      const own = instance?.inbound.replace("http://", "");
      return until(
        async (note) => {
          const endpoints = (await web.envoy.clusters()).get("orders") ?? [];
          const most = Math.max(...endpoints.map(({ weight }) => weight));
          const weight = endpoints.find(({ address }) => address === own)?.weight;
          note(endpoints);
          return weight !== undefined && endpoints.length === instances && holds(weight / most) ? true : undefined;
        },
        { what, limitMs },
      ).then(() => undefined);
    };

    return {
      mesh,
      planes,
      orders,
      web,
      untilShare,
      async choose({ strategy, ejection }) {
        write({ strategy, ejection });
        await until(
          async (note) => {
            const answer = await fetch(`${web.envoy.url}/config_dump?resource=dynamic_active_clusters&name_regex=^orders$`);
            const text = (await answer.text()).replace(/\s/g, "");
            note(text);
            const wanted = strategy === "round_robin" ? "policies.round_robin.v3.RoundRobin" : "policies.least_request.v3.LeastRequest";
            const first = text.slice(text.indexOf('"policies"')).indexOf(wanted);
            const ejects = !text.includes('"consecutive_5xx":1000000');
            return first >= 0 && first < 400 && ejects === ejection ? true : undefined;
          },
          { what: `the caller's Envoy to choose by ${strategy}`, limitMs },
        );
      },
      async control(instance, said) {
        await fetch(`${instance?.app}/control`, { method: "PUT", body: JSON.stringify(said) });
      },
      async measure(requests, rate) {
        const load = startLoad({ sender: httpSender({ url: `${web.outbound}/`, headers: { host: "orders" } }), rate });
        const sent = load.stretch();
        await until(() => sent.report().due >= requests, { what: `${requests} requests`, limitMs: limitMs + (2_000 * requests) / rate });
        await load.stop();
        return sent.report();
      },
    };
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}
